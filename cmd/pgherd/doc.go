// Command pgherd stands in front of a PostgreSQL primary and its streaming
// standbys. Here flags and a file become a running process; nothing else knows
// all the rooms. An app is one such process, without the operating system's
// part (signals, exit codes), so that tests and the demo can run it, too.
package main
