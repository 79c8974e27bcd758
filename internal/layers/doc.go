// Package layers holds no code, only a test: it walks the imports of all
// packages of the module and fails when an arrow goes up.
//
// Every package has a level and may import levels below its own. Packages of
// one level do not know each other; what they share is the vocabulary, package
// internal/cluster. What a package needs of a room it may not import it
// declares as a small interface, which cmd/pgherd fulfils. Tests may import
// what their package may, the packages of their own level, and internal/pgtest.
//
// Caveat: a new package must be given a level in layers_test.go.
package layers
