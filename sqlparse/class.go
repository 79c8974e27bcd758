package sqlparse

// class sorts bytes by the token they can start.
type class uint8

const (
	classOther class = iota
	classSpace
	classLetter // starts an identifier, also every byte of a non-ASCII character
	classDigit
	classOperator
	classPunctuation
	classDot
	classQuote
	classDoubleQuote
	classDollar
)

// classes is only read.
var classes = func() (table [256]class) {
	mark := func(c class, bytes string) {
		for i := range len(bytes) {
			table[bytes[i]] = c
		}
	}
	mark(classSpace, " \t\n\r\f")
	mark(classLetter, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
	mark(classDigit, "0123456789")
	mark(classOperator, "~!@#^&|`?+-*/%<>=:")
	mark(classPunctuation, ",()[];")
	mark(classDot, ".")
	mark(classQuote, "'")
	mark(classDoubleQuote, `"`)
	mark(classDollar, "$")
	for c := 0x80; c < len(table); c++ {
		table[c] = classLetter
	}
	return table
}()

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// inWord says whether c can stand behind the first letter of an identifier.
func inWord(c byte) bool { return wordBytes[c] }

// wordBytes is only read.
var wordBytes = func() (table [256]bool) {
	for c, k := range classes {
		table[c] = k == classLetter || k == classDigit || k == classDollar
	}
	return table
}()

// fold is c in lower case, ASCII only: the server leaves other letters alone.
func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
