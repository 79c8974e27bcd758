package main

import (
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// serviceManager is told how far pgherd is (sd_notify(3), Type=notify). The zero
// value is nobody.
type serviceManager struct{ socket string }

// managerOf takes the manager's address out of the environment: commands that
// pgherd runs, servers that it starts among them, are not to speak for it.
func managerOf() (serviceManager, error) {
	socket := os.Getenv("NOTIFY_SOCKET") // @ for an abstract one, as in net
	return serviceManager{socket}, os.Unsetenv("NOTIFY_SOCKET")
}

// ready says that clients are served, at the start and after a reload.
func (m serviceManager) ready(status string) error {
	return m.say("READY=1", "STATUS="+oneLine(status))
}

// reloading says that ready will follow.
func (m serviceManager) reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return err
	}
	return m.say("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000))
}

// ending only changes what is shown: SHUTDOWN may take as long as clients like,
// and after STOPPING=1 the manager would count TimeoutStopSec.
func (m serviceManager) ending(status string) error { return m.say("STATUS=" + oneLine(status)) }

func (m serviceManager) say(lines ...string) error {
	if m.socket == "" {
		return nil
	}
	conn, err := net.Dial("unixgram", m.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(strings.Join(lines, "\n")))
	return err
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
