package host

import (
	"cmp"
	"context"
	_ "embed" // remote.sh
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed remote.sh
var remoteScript string

// SSH is how a node's machine is reached with the system's ssh. The names are
// those of ssh_config.
type SSH struct {
	User           string // the owner of the data directory
	Host           string
	Port           int
	IdentityFile   string        // "" for ssh's own search
	KnownHostsFile string        // "" for ssh's own files
	Options        []string      // as "ProxyJump=bastion"; they go before those of ours
	ConnectTimeout time.Duration // 3 s; also how soon silence is noticed
	Socket         string        // where a connection is kept for the next commands (ControlPath); "" for one each
}

// ErrUnreachable is a machine to which there is no connection: it is off, or
// cut off, or has no sshd.
var ErrUnreachable = errors.New("the machine cannot be reached by ssh")

// Remote is another machine. Every operation is a command of ssh's, which the
// user's shell there, any POSIX one, carries out with the GNU tools; when it is
// cancelled, or the connection ends, the command on the machine ends too.
type Remote struct {
	to    SSH
	local *local // where ssh runs
	files
}

// Over opens a machine; nothing is connected yet. Close ends the connection that
// is kept.
func Over(to SSH) (*Remote, error) {
	own, err := lookupOwner(uint32(os.Getuid()))
	if err != nil {
		return nil, err
	}
	to.ConnectTimeout = cmp.Or(to.ConnectTimeout, 3*time.Second)
	r := &Remote{to: to, local: &local{owner: own, killAfter: time.Second}}
	r.files = files{r}
	return r, nil
}

// String is user@host:port.
func (r *Remote) String() string {
	return fmt.Sprintf("%s@%s:%d", r.to.User, r.to.Host, r.to.Port)
}

// Close ends the connection that is kept, if there is one.
func (r *Remote) Close() {
	if _, err := os.Stat(r.to.Socket); r.to.Socket == "" || err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = r.local.Run(ctx, Command{Path: "ssh", Args: r.arguments("-O", "exit")}) // gone already, or stuck: the socket is removed
	_ = os.Remove(r.to.Socket)
}

// cutAfter is how long after a cancellation a command may take to end on its
// machine before the connection is given up: remote.sh kills it after 5 s.
const cutAfter = killAfter + time.Second

// Run carries the command out on the machine. An error is ErrUnreachable when
// there is no connection.
func (r *Remote) Run(ctx context.Context, c Command) ([]byte, error) {
	return r.run(ctx, c, cutAfter)
}

func (r *Remote) run(ctx context.Context, c Command, cutAfter time.Duration) ([]byte, error) {
	head, err := header(c)
	if err != nil {
		return nil, err
	}
	in, feed, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	running, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	over, wait := make(chan struct{}), new(sync.WaitGroup)
	wait.Go(func() { feedTo(ctx, feed, head, c.Stdin, over) })
	wait.Go(func() { cutLater(ctx, cut, cutAfter, over) })
	out, err := r.local.Run(running, Command{Path: "ssh", Args: r.arguments("--", r.to.Host, commandLine(c)), Stdin: in, Stderr: c.Stderr})
	_ = in.Close() // only read from: whoever writes to it stops
	close(over)
	wait.Wait()
	if err != nil {
		err = r.explain(ctx, c, err)
	}
	return out, err
}

// feedTo hangs up when the command shall end, which ends it on its machine.
func feedTo(ctx context.Context, w io.WriteCloser, head string, stdin io.Reader, over <-chan struct{}) {
	defer w.Close()
	if _, err := io.WriteString(w, head); err != nil {
		return // ssh has ended, and says why
	}
	if stdin != nil {
		_, _ = io.Copy(w, stdin) // the same
		return
	}
	select {
	case <-ctx.Done():
	case <-over:
	}
}

// cutLater ends ssh itself, if hanging up was not enough.
func cutLater(ctx context.Context, cut context.CancelCauseFunc, after time.Duration, over <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-over:
		return
	}
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		cut(context.Cause(ctx))
	case <-over:
	}
}

// arguments of ssh. It takes the first value that it finds of each option.
func (r *Remote) arguments(rest ...string) []string {
	seconds := strconv.Itoa(int((r.to.ConnectTimeout + time.Second - 1) / time.Second))
	options := append([]string{}, r.to.Options...)
	options = append(options, "BatchMode=yes", "StrictHostKeyChecking=yes", "LogLevel=ERROR", "ConnectTimeout="+seconds,
		"ServerAliveInterval="+seconds, "ServerAliveCountMax=2", "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes")
	if r.to.KnownHostsFile != "" {
		options = append(options, "UserKnownHostsFile="+quoteOption(r.to.KnownHostsFile))
	}
	if r.to.IdentityFile != "" {
		options = append(options, "IdentitiesOnly=yes", "IdentityFile="+quoteOption(r.to.IdentityFile))
	}
	if r.to.Socket != "" {
		options = append(options, "ControlMaster=auto", "ControlPersist=60", "ControlPath="+quoteOption(r.to.Socket))
	}
	args := []string{"-T", "-l", r.to.User, "-p", strconv.Itoa(r.to.Port)}
	for _, o := range options {
		args = append(args, "-o", o)
	}
	if rest[0] != "--" {
		rest = append(rest, "--", r.to.Host)
	}
	return append(args, rest...)
}

// quoteOption: ssh splits values at blanks and replaces what follows a %.
func quoteOption(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(path) + `"`
}

// commandLine is what the user's shell gets: a clean environment, as far as it
// is no secret, and remote.sh.
func commandLine(c Command) string {
	words := []string{quoteWord(remoteScript), "pgherd", quoteWord(cmp.Or(c.Dir, "/")), quoteWord(c.Path)}
	for _, a := range c.Args {
		words = append(words, quoteWord(a))
	}
	return `exec env -i HOME="$HOME" USER="$USER" LOGNAME="$USER" PATH="$PATH" sh -c ` + strings.Join(words, " ")
}

// quoteWord makes text one word of a POSIX shell, whatever is in it.
func quoteWord(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

var environmentLine = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=[^\n\x00]*$`)

// header is what remote.sh reads first. The errors show no values.
func header(c Command) (string, error) {
	var b strings.Builder
	for _, pair := range c.Env {
		if name, _, _ := strings.Cut(pair, "="); !environmentLine.MatchString(pair) {
			return "", fmt.Errorf("%s: the value of %q in its environment must be one line", filepath.Base(c.Path), name)
		}
		b.WriteString(pair + "\n")
	}
	for _, word := range append([]string{c.Path, c.Dir}, c.Args...) {
		if strings.ContainsRune(word, 0) {
			return "", fmt.Errorf("%s: an argument with a zero byte", filepath.Base(c.Path))
		}
	}
	if c.Stdin != nil {
		return b.String() + "feed\n", nil
	}
	return b.String() + "run\n", nil
}

const (
	sshFailed = 255 // ssh's exit status for errors of its own
	notFound  = 127 // a shell's, when there is no such program
)

// explain tells errors of the command from those of the connection, which is not
// used again then.
func (r *Remote) explain(ctx context.Context, c Command, err error) error {
	var exit *ExitError
	if !errors.As(err, &exit) {
		return err
	}
	exit.Program = filepath.Base(c.Path)
	switch {
	case ctx.Err() != nil:
		exit.Err = fmt.Errorf("stopped: %w", context.Cause(ctx))
		if exit.Code < 0 || exit.Code == sshFailed {
			r.Close()
		}
	case exit.Code == sshFailed:
		r.Close()
		return r.disconnected(exit.Stderr)
	case exit.Code == notFound:
		exit.Err = fs.ErrNotExist
	}
	return exit
}

// disconnected says what ssh's own error means for the configuration.
func (r *Remote) disconnected(text string) error {
	known := cmp.Or(r.to.KnownHostsFile, "~/.ssh/known_hosts")
	switch {
	case strings.Contains(text, "has changed and you have requested strict checking"):
		return fmt.Errorf("ssh %s: the machine shows another host key than %s has: if it was installed anew, "+
			"replace the key there (ssh-keygen -f %s -R ...), else somebody is in between", r, known, known)
	case strings.Contains(text, "Host key verification failed"):
		return fmt.Errorf("ssh %s: its host key is not known: compare it, and add it to %s (ssh-keyscan -p %d %s >> %s): %s",
			r, known, r.to.Port, r.to.Host, known, text)
	case strings.Contains(text, "Permission denied"):
		return fmt.Errorf("ssh %s: the machine lets us in with none of our keys: add the public key of %s to ~/.ssh/authorized_keys of user %s there: %s",
			r, cmp.Or(r.to.IdentityFile, "pgherd's user"), r.to.User, text)
	}
	return fmt.Errorf("ssh %s: %w: %s", r, ErrUnreachable, text)
}
