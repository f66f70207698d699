# Runs a part of the control plane for as long as stdin stays open: $1 is its log, the rest its command.
# Prints the part's process id. Ends with the part; stderr is held open until then, which tells others that the part lives.
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
