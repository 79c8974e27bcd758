package server

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pgherd/pgherd/internal/reactor"
)

// listener is one listening socket. The first loop of the group accepts its clients.
type listener struct {
	fd   int
	addr string
	file *socketFile // of a Unix-domain socket
}

// Listen binds an address of the form host:port, or directory:port for a
// Unix-domain socket. The error says what to do about a port that is taken.
func (s *Server) Listen(address string) error {
	if strings.HasPrefix(address, "/") {
		return s.listenUnix(address)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w%s", address, err, listenHint(err))
	}
	return s.take(ln, nil)
}

func listenHint(err error) string {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return " (is another pgherd or PostgreSQL there? choose another port in listen)"
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return " (this machine does not have that address: correct listen)"
	case errors.Is(err, unix.EACCES):
		return " (ports below 1024 are root's: choose another one in listen)"
	}
	return ""
}

func (s *Server) listenUnix(address string) error {
	directory, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	ln, file, err := listenUnix(directory, port, s.config().SocketMode)
	if err != nil {
		return err
	}
	return s.take(ln, &file)
}

// take keeps the descriptor of ln, and closes ln.
func (s *Server) take(ln net.Listener, file *socketFile) error {
	addr := ln.Addr().String()
	fd, err := reactor.Descriptor(ln)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	s.config().TCP.Apply(fd) // accepted sockets inherit it
	s.listeners = append(s.listeners, &listener{fd, addr, file})
	return nil
}

// Addresses are what Listen has bound, with the port that was chosen for 0.
func (s *Server) Addresses() []string {
	var all []string
	for _, l := range s.listeners {
		all = append(all, l.addr)
	}
	return all
}

// accept is called on the first loop; the client goes to the next one in turn.
func (s *Server) accept(fd int) {
	reactor.NoDelay(fd)
	l := s.group.Next()
	sh := s.shards[l.Index()]
	if l == s.group.Loops()[0] {
		sh.adopt(fd)
	} else if !l.Post(func() { sh.adopt(fd) }) {
		unix.Close(fd)
	}
}

// followListeners starts or stops accepting: while all clients are suspended, new
// ones stay in the kernel's queue.
func (s *Server) followListeners() {
	s.group.Loops()[0].Post(func() {
		if s.accepting == s.suspended.said("") {
			s.setAccepting(!s.accepting)
		}
	})
}

func (s *Server) setAccepting(on bool) {
	first := s.group.Loops()[0]
	s.accepting = on
	for _, l := range s.listeners {
		if !on {
			first.Unaccept(l.fd)
		} else if err := first.Accept(l.fd, s.accept, s.cannotAccept); err != nil {
			s.log.Error("cannot accept clients", "address", l.addr, "error", err)
		}
	}
}

// shortageEvery is how often it is logged that nobody can be let in.
const shortageEvery = 10 * time.Second

// cannotAccept is called on the first loop, again and again while nobody can be let in.
// Who takes long to log in makes room.
func (s *Server) cannotAccept(err error) {
	for _, sh := range s.shards {
		sh.loop.Post(sh.logins.cutOldest)
	}
	if now := time.Now(); now.Sub(s.shortage) > shortageEvery {
		s.shortage = now
		s.log.Error("cannot accept clients for now: raise the limit of open files (ulimit -n, LimitNOFILE), or lower pool.max_clients", "clients", s.clients.Load(), "error", err)
	}
}

// StopAccepting lets nobody new in; whoever is in may stay.
func (s *Server) StopAccepting() {
	s.group.Loops()[0].Post(func() {
		s.setAccepting(false)
		s.closeListeners()
	})
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		unix.Close(l.fd)
		if l.file != nil {
			l.file.remove()
		}
	}
	s.listeners = nil
}
