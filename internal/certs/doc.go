// Package certs keeps the certificates of both sides, and makes configurations
// of crypto/tls from them.
//
// Clients is for the connections that clients make to us, Nodes for those that
// we make to the nodes. Both read their files when they are opened and again by
// Reload. A connection keeps what it was made with.
//
// Caveat: Go looks for a host's name among the subject alternative names of a
// certificate only, not in its common name.
package certs
