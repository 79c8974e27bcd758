package pgtest

import "testing"

// Real says that a test starts servers: go test -short leaves it out. Cluster and
// SSHD say so themselves.
func Real(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers, which -short is not for")
	}
}
