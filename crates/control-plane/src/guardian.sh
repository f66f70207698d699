# Runs a part of the control plane until it exits or stdin closes, which kills it. $1 is its log, the rest its command.
# Prints the part's process id. Holds stderr open until the part has exited: the directory is removed only after that.
log=$1
shift
exec 3<&0 </dev/null
"$@" >>"$log" 2>&1 3<&- &
part=$!
echo "$part"
exec >/dev/null
{
  read -r _ <&3
  kill -KILL "$part"
} &
watch=$!
exec 3<&-
wait "$part"
kill "$watch" 2>/dev/null
