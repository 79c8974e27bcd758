package cluster

import (
	"errors"
	"syscall"
)

// Shortage reports whether err, of connecting to a node, tells of this machine or
// process only: it has no more descriptors or memory for sockets. It says
// nothing about the node.
func Shortage(err error) bool {
	for _, lack := range [...]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, lack) {
			return true
		}
	}
	return false
}
