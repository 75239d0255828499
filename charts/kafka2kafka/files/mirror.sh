#!/bin/sh
# mirror.sh run | ready | alive: runs MirrorMaker 2, and answers the probes of its pod with a reason.
#
# ready: no task has failed, and MirrorMaker holds a connection to a broker of each side. The file `sides` has a line each: name,
#        `all` where the rest has every broker or `some` where they may advertise other names, host:port of the servers.
# alive: false a while after a task has failed, which asks the kubelet for a restart. A side that is away is no reason: the
#        clients connect again by themselves. Nor is the first moment: the other direction goes on meanwhile.
# The image has sh, cat, date, getent, ls, sed, tail and tr. Only IPv4 addresses are compared.
here=${0%/*}
state=${MIRROR_STATE:-/tmp}/mirror
kafka=${KAFKA_SH:-/opt/kafka/bin/kafka.sh}
restart=${MIRROR_RESTART_SECONDS:-60}
restart_most=600
quiet=3600

# What Kafka Connect logs when a connector or a task ends for good; it says so nowhere else.
watched() {
  lines=0
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in
      *'Task is being killed and will not recover'* | *'Failed to start task '* | *'Failed to start connector '* | *'Error while starting connector'*)
        failed "$line" ;;
      'Caused by: '*)
        if [ "$lines" -gt 0 ]; then printf '%s; %s\n' "$(cat "$state/reason")" "$line" >"$state/reason.new"; mv "$state/reason.new" "$state/reason"; fi ;;
    esac
    if [ "$lines" -gt 0 ]; then
      lines=$((lines - 1))
      if [ "$lines" = 0 ]; then noted; fi
    fi
  done
}

failed() {
  lines=80
  # The first one counts: a restart is about to come.
  if [ -e "$state/failed" ]; then return; fi
  count=1
  if [ -e "$state/restarts" ]; then count=$(($(cat "$state/restarts") + 1)); fi
  printf '%s\n' "$count" >"$state/restarts"
  printf '%s\n' "$1" >"$state/reason"
  date +%s >"$state/failed"
  noted
}

noted() {
  # The kubelet keeps it as the message of the container's end.
  if [ -w /dev/termination-log ]; then tail -c 2000 "$state/reason" >/dev/termination-log; fi
}

run() {
  mkdir -p "$state"
  if [ -e "$state/failed" ] && [ $(($(date +%s) - $(cat "$state/failed"))) -gt $quiet ]; then rm -f "$state/restarts"; fi
  rm -f "$state/failed" "$state/reason" "$state/log"
  mkfifo "$state/log"
  # It reads to the end of the log, whatever ends the mirror.
  (trap '' TERM INT && watched <"$state/log") &
  watcher=$!
  "$kafka" mirror "$here/mm2.properties" >"$state/log" 2>&1 &
  mirror=$!
  printf '%s\n' "$mirror" >"$state/pid"
  trap 'kill -TERM $mirror 2>/dev/null' TERM INT
  wait $mirror
  code=$?
  # A trap ends a wait; the mirror is still stopping then.
  while kill -0 $mirror 2>/dev/null; do wait $mirror; code=$?; done
  wait $watcher
  exit $code
}

# host:port -> the address as /proc/net/tcp and /proc/net/tcp6 write it, one a line for each IPv4 address of the name
written() {
  port=$(printf '%04X' "${1##*:}")
  for address in $(getent ahostsv4 "${1%:*}" | sed 's/ .*//'); do
    IFS=. read -r a b c d <<END
$address
END
    printf '%02X%02X%02X%02X:%s\n' "$d" "$c" "$b" "$a" "$port"
  done
}

# The peers of the mirror's own connections that stand (state 01), written as above.
peers() {
  pid=$(cat "$state/pid")
  own=" $(ls -l /proc/"$pid"/fd 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\].*/\1/p' | tr '\n' ' ')"
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | while read -r _ _ peer tcp _ _ _ _ _ inode _; do
    if [ "$tcp" = 01 ]; then case $own in *" $inode "*) printf '%s\n' "$peer" | sed 's/^0000000000000000FFFF0000//' ;; esac; fi
  done
}

broken() {
  if [ -e "$state/failed" ]; then
    printf 'a task has failed: %s\n' "$(tail -c 900 "$state/reason" 2>/dev/null)"
    return 0
  fi
  return 1
}

ready() {
  if broken; then exit 1; fi
  if ! kill -0 "$(cat "$state/pid" 2>/dev/null)" 2>/dev/null; then echo "MirrorMaker does not run"; exit 1; fi
  connected=$(peers)
  away=
  while read -r side extent servers; do
    known=$(for server in $servers; do written "$server"; done)
    others=$(while read -r other _ more; do if [ "$other" != "$side" ]; then for server in $more; do written "$server"; done; fi; done <"$here/sides")
    found=
    for peer in $connected; do
      case "
$known
" in *"
$peer
"*) found=yes ;; esac
      # Where not every broker is known, what is connected to none of the other side is taken for this one.
      if [ "$extent" = some ]; then case "
$others
" in *"
$peer
"*) ;; *) found=yes ;; esac; fi
    done
    if [ -z "$found" ]; then away="$away $side ($servers)"; fi
  done <"$here/sides"
  if [ -n "$away" ]; then echo "no connection to brokers of:$away"; exit 1; fi
}

alive() {
  if ! [ -e "$state/failed" ]; then exit 0; fi
  wait=$restart
  times=$(cat "$state/restarts")
  while [ "$times" -gt 1 ] && [ $wait -lt $restart_most ]; do wait=$((wait * 2)); times=$((times - 1)); done
  if [ $wait -gt $restart_most ]; then wait=$restart_most; fi
  if [ $(($(date +%s) - $(cat "$state/failed"))) -ge $wait ]; then broken; exit 1; fi
}

case $1 in
  run | ready | alive) "$1" ;;
  *) echo "usage: mirror.sh run | ready | alive" >&2; exit 2 ;;
esac
