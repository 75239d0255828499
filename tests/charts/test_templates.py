"""No template writes a value that could become more than one: the lint, and what it finds."""

from pathlib import Path

import pytest

from tests.support.templates import unsafe

CHARTS = Path(__file__).parents[2] / "charts"
FILES = {path.relative_to(CHARTS).as_posix(): path.read_text() for path in CHARTS.glob("*/templates/**/*.*")}


def test_every_output_of_every_template_is_encoded() -> None:
    assert len(FILES) > 40
    assert unsafe(FILES) == []


@pytest.mark.parametrize(
    "text",
    [
        "host: {{ .Values.host }}",
        'host: "{{ .Values.host }}"',
        "host: {{- .Values.host -}}",
        "{{ range $name, $value := .Values.env }}- name: {{ $name }}\n  value: {{ $value | quote }}\n{{ end }}",
        "host: {{ .Values.host | trim }}",
        "host: {{ default .Values.host .Values.other }}",
        'host: {{ printf "%s|quote" .Values.host }}',
        "name: a-{{ .name | quote }}",
        "name: {{ .name | quote }}-a",
        "text: |\n  {{- .Values.text | nindent 2 }}",
        '{{ define "a" }}{{ .Values.host }}{{ end }}host: {{ include "a" . }}',
        '{{ define "a" }}{{ .Values.host }}{{ end }}{{ define "b" }}{{ include "a" . }}{{ end }}{{ include "b" . }}',
        "{{ $x := .Values.host }}host: {{ $x }}",
        "{{ with .Values.host }}host: {{ . }}{{ end }}",
        "host: {{ .Chart.Name }}",
        "{{ tpl .Values.text . }}",
        'host: {{ lookup "v1" "Secret" "a" "b" }}',
        "host: {{ .Values.host | toYaml | trim }}",
    ],
)
def test_a_bare_output_is_found(text: str) -> None:
    assert len(unsafe({"x/templates/x.yaml": text})) == 1


@pytest.mark.parametrize(
    "text",
    [
        "host: {{ .Values.host | quote }}",
        "host: {{- .Values.host | quote -}}",
        "{name: http, port: {{ int .Values.port }}}",
        'value: "-Xmx{{ .Values.heap | int }}m"',
        "tls: {{- toYaml . | nindent 4 }}",
        '{{ define "a" }}{{ .Values.host }}{{ end }}host: {{ include "a" . | quote }}',
        '{{ define "a" }}x: {{ .Values.host | quote }}\n{{ end }}{{ include "a" . | nindent 2 }}',
        "{{/* {{ .Values.host }} */}}{{ $x := .Values.host }}{{ if .Values.a }}a: b{{ else }}c: d{{ end }}",
    ],
)
def test_an_encoded_one_is_taken(text: str) -> None:
    assert unsafe({"x/templates/x.yaml": text}) == []
