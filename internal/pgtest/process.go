package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Kill is kill -9 of the postmaster. It returns when its children are gone too.
func (c *TestCluster) Kill(id cluster.NodeID) {
	c.t.Helper()
	dir := c.nodes[id].DataDirectory
	segment := sharedMemory(dir)
	pid := c.Postmaster(id)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		c.t.Fatalf("node %d: kill %d: %v", id, pid, err)
	}
	gone := func() bool { return len(processesIn(dir)) == 0 }
	Await(c.t, 10*time.Second, fmt.Sprintf("the children of node %d to go", id), gone)
	if segment >= 0 {
		_, _ = unix.SysvShmCtl(segment, unix.IPC_RMID, nil) // it may be gone already
	}
}

// Crash is Kill where anything of a node may run, or nothing. It does not end the
// test, and returns when all are gone.
func (c *TestCluster) Crash(id cluster.NodeID) {
	dir := c.nodes[id].DataDirectory
	segment := sharedMemory(dir)
	for range 1000 { // who forks has to be found again
		if len(processesIn(dir)) == 0 {
			break
		}
		c.signal(id, syscall.SIGKILL)
		time.Sleep(5 * time.Millisecond)
	}
	if segment >= 0 {
		_, _ = unix.SysvShmCtl(segment, unix.IPC_RMID, nil) // it may be gone already
	}
}

// Freeze stops every process of a node, as a hung machine would; its sockets
// stay open. Thaw lets them run again, and so does the end of the test.
func (c *TestCluster) Freeze(id cluster.NodeID) { c.signal(id, syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (c *TestCluster) Thaw(id cluster.NodeID) { c.signal(id, syscall.SIGCONT) }

func (c *TestCluster) signal(id cluster.NodeID, s syscall.Signal) {
	for _, pid := range processesIn(c.nodes[id].DataDirectory) {
		_ = syscall.Kill(pid, s) // a backend may end meanwhile
	}
}

// Processes are the ids of a node's processes, in no order.
func (c *TestCluster) Processes(id cluster.NodeID) []int {
	return processesIn(c.nodes[id].DataDirectory)
}

// Postmaster is the process number of a running node.
func (c *TestCluster) Postmaster(id cluster.NodeID) int {
	c.t.Helper()
	lines := pidFile(c.nodes[id].DataDirectory)
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		c.t.Fatalf("node %d does not run: no process number in postmaster.pid", id)
	}
	return pid
}

func pidFile(dir string) []string {
	data, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return []string{""}
	}
	return strings.Split(string(data), "\n")
}

// sharedMemory is the id of the System V segment that a killed server leaves
// behind, -1 when unknown: the seventh line of postmaster.pid is "key id".
func sharedMemory(dir string) int {
	lines := pidFile(dir)
	if len(lines) < 7 {
		return -1
	}
	parts := strings.Fields(lines[6])
	if len(parts) != 2 {
		return -1
	}
	id, err := strconv.Atoi(parts[1])
	if err != nil {
		return -1
	}
	return id
}

// processesIn lists the live processes whose working directory is dir or below:
// every process of a server works in its data directory.
func processesIn(dir string) []int {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is good
	var pids []int
	for _, link := range links {
		cwd, err := os.Readlink(link)
		if err != nil || (cwd != dir && !strings.HasPrefix(cwd, dir+"/")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// assertNoneLeft kills what is still there, and says so.
func assertNoneLeft(t testing.TB, dir string) {
	if eventually(5*time.Second, func() bool { return len(processesIn(dir)) == 0 }) {
		return
	}
	for _, pid := range processesIn(dir) {
		command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // for the message only
		t.Errorf("process %d outlived its cluster: %s", pid, strings.ReplaceAll(string(command), "\x00", " "))
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
