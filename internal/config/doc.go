// Package config reads pgherd's configuration file and its users file.
//
// [Load] turns a YAML file into a [Config]: one struct per consumer, every
// value filled in (from the file or by default) and checked. [LoadUsers] reads
// the users file named by auth.users_file. Both report all mistakes of a file
// together, each as an [*Error] with file, line and key. Passwords are of type
// [Secret], which formats itself as ***.
//
// Caveats:
//   - A Config is read-only after Load; share it freely.
//   - Relative paths are taken from the folder of the configuration file.
//   - Reading is strict: an unknown or repeated key is an error, and YAML
//     anchors, aliases and tags are refused, so that an unquoted password that
//     begins with & * or ! is not silently changed.
//   - The users file is not read by Load: its path is only made absolute.
package config
