# Runs a program on a node's machine: sh -c <this> pgherd DIRECTORY PROGRAM ARGUMENT...
#
# Standard input begins with the program's environment, NAME=value a line: arguments
# are for everybody to see. The line "feed" ends it when the rest is the program's own
# input. The line "run" ends it when the program has none: then the end of the input
# is the end of the connection, and the program's too. The sshd that runs this has made
# it the leader of a process group.
mode=
while IFS= read -r line; do
	case $line in
	*=*) export "$line" ;;
	*) mode=$line && break ;;
	esac
done
cd "$1" || exit 126
shift
case $mode in
feed) exec "$@" ;;
run) ;;
*) exit 126 ;; # cut off in the middle: an incomplete environment would mislead the program
esac

exec 3<&0 4>&2 2>/dev/null # the shell itself has nothing to say
trap 'kill -KILL $!; exit 143' TERM # after the program, or instead of one that has not begun
(
	trap '' TERM
	read -r line <&3
	for pause in .1 .4 1.5 3; do # again, because one that is just being started may miss it
		kill -TERM 0
		sleep $pause
	done
	kill -KILL 0
) >/dev/null 4>&- &
guard=$!
"$@" </dev/null 2>&4 3<&- 4>&-
status=$?
kill -KILL $guard
exit $status
