{{/*
postgres.isReady: a command that succeeds where pg_isready's code fits. Call with the rest of a test, "-eq 0" or "-lt 2";
0 takes clients, 1 starts or stops, 2 does not answer.
*/}}
{{- define "postgres.isReady" -}}
for bin in /usr/lib/postgresql/*/bin; do PATH=$bin:$PATH; done; pg_isready -q -h 127.0.0.1 -t 3; [ $? {{ . }} ]
{{- end -}}
