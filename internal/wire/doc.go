// Package wire is PostgreSQL's frontend/backend protocol as bytes: frames,
// start-up packets, the few messages that pgherd makes itself, errors, and
// SCRAM-SHA-256 for both sides. It has no policy and does no I/O.
//
// A frame is a type byte, a length that counts itself but not the type, and a
// body. Peek looks at a frame's header; what is passed on is never decoded.
// Messages are made by appending to a slice. Error carries a SQLSTATE and can
// be appended as ErrorResponse or parsed from one.
//
// Caveats: slices returned by parsers point into their argument. Everything
// that comes from a peer, client or server, is checked for length before it is
// looked at; a frame that breaks the protocol is an error of SQLSTATE 08P01.
package wire
