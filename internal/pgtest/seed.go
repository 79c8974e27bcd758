package pgtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Seed is what a test's random choices begin with: the same in every run, unless
// PGHERD_SEED has a number or says random. It is printed at once, for a test that
// hangs or crashes has no log. Clients, servers and the clock still come as they
// like: a seed repeats what is asked, not always what happens.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed, err := seedOf(os.Getenv("PGHERD_SEED"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(os.Stderr, "%s: PGHERD_SEED=%d\n", t.Name(), seed)
	return seed
}

func seedOf(text string) (uint64, error) {
	switch text {
	case "":
		return 1, nil
	case "random":
		return rand.Uint64(), nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("PGHERD_SEED is %q: want a number of 64 bits, or random", text)
	}
	return seed, nil
}
