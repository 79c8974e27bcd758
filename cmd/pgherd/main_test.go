package main

import (
	"os"
	"testing"
)

// asProgram is set in the environment of a test binary that is to be pgherd.
const asProgram = "PGHERD_TEST_AS_PROGRAM"

// TestMain lets the test binary be pgherd for the tests that start it as its users do:
// nothing need be built, and the race detector watches that process as well.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	m.Run()
}

// program is the path of pgherd, for processes that the test starts.
func program(t *testing.T) string {
	t.Helper()
	t.Setenv(asProgram, "1")
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
