// Package users knows who may log in with which secret, and what logs them in to the
// nodes.
//
// A Directory has the Secrets of users_file and asks a Lookup, such as AuthQuery, about
// everybody else. A Secret is a password or one of the hashes that PostgreSQL keeps; it
// learns: the verifier of a password is derived once, and the key that a SCRAM proof
// shows is kept, for it opens the nodes that have the same verifier.
//
// Caveats: Ask, Derive, Check and Exert block, some for seconds; a coroutine of the
// reactor calls them by Task.Await. Neither passwords nor keys are ever written
// anywhere. What an unknown user sees must not differ from what a known one sees: see
// Mock.
package users
