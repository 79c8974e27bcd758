package livesql

import (
	"database/sql/driver"
	"math/big"
	"strconv"
	"strings"
)

// numberChar is to_char of a number, with the patterns 9 0 . D , G S MI PL SG PR and FM of
// the manual's table 9.27; any other character stands for itself.
func numberChar(v driver.Value, format string) (string, error) {
	p, err := parsePattern(format)
	if err != nil {
		return "", err
	}
	whole, fraction, negative := digitsOf(v, p.decimals)
	if whole == "0" && p.decimals > 0 && p.firstZero < 0 {
		whole = ""
	}
	w := &numberWriter{pattern: p, whole: whole, fraction: fraction, negative: negative}
	if missing := p.places - len(whole); missing >= 0 {
		w.whole = strings.Repeat(" ", missing) + whole
	} else {
		w.whole, w.fraction = strings.Repeat("#", p.places), strings.Repeat("#", p.decimals)
	}
	for _, e := range p.elements {
		w.write(e)
	}
	w.sign() // of a pattern that has no place for a digit
	if p.bracket {
		w.b.WriteString(map[bool]string{true: ">", false: w.blank()}[negative])
	}
	return w.b.String(), nil
}

// digitsOf rounds a number to so many digits behind the point.
func digitsOf(v driver.Value, decimals int) (whole, fraction string, negative bool) {
	var text string
	if f, ok := v.(float64); ok {
		text = strconv.FormatFloat(f, 'f', decimals, 64)
	} else if r, ok := new(big.Rat).SetString(asNumber(v)); ok {
		text = r.FloatString(decimals)
	}
	text, negative = strings.CutPrefix(text, "-")
	whole, fraction, _ = strings.Cut(text, ".")
	if strings.Trim(whole+fraction, "0") == "" {
		negative = false
	}
	return whole, fraction, negative
}

// asNumber is the text of a whole number, or one that is text already.
func asNumber(v driver.Value) string {
	if s, ok := v.(string); ok {
		return s
	}
	return strconv.FormatInt(asInt(v), 10)
}

// numberPattern is a format that was read.
type numberPattern struct {
	elements  []string
	places    int // for digits before the point
	decimals  int
	firstZero int // the place from which on there are zeros; -1 = none
	fill      bool
	bracket   bool
	signed    bool // it says where the sign goes, other than S in front of the digits
	plus      bool // a sign is also shown of what is positive
}

func parsePattern(format string) (numberPattern, error) {
	p := numberPattern{firstZero: -1}
	point := false
	for rest := format; rest != ""; {
		element := nextElement(rest)
		rest = rest[len(element):]
		if strings.HasPrefix(element, `"`) {
			p.elements = append(p.elements, "="+strings.Trim(element, `"`))
			continue
		}
		switch name := strings.ToUpper(element); name {
		case "FM":
			p.fill = true
		case "PR":
			p.bracket = true
		case "RN", "TH", "EEEE", "V":
			return p, coded(fail(codeUnsupported, -1, "the pattern %s of to_char cannot be used in the console", element))
		case "9", "0":
			if point {
				p.decimals++
				name += "."
			} else {
				if name == "0" && p.firstZero < 0 {
					p.firstZero = p.places
				}
				p.places++
			}
			p.elements = append(p.elements, name)
		case ".", "D":
			point = true
			p.elements = append(p.elements, ".")
		case "S":
			if p.plus = true; p.places > 0 || point {
				p.signed = true
				name = "S>"
			}
			p.elements = append(p.elements, name)
		case "MI", "SG":
			p.signed = true
			p.elements = append(p.elements, name)
		default:
			p.elements = append(p.elements, name)
		}
	}
	return p, nil
}

// nextElement is what a format begins with.
func nextElement(format string) string {
	upper := strings.ToUpper(format)
	for _, name := range []string{"FM", "PR", "RN", "TH", "EEEE", "MI", "PL", "SG"} {
		if strings.HasPrefix(upper, name) {
			return format[:len(name)]
		}
	}
	if format[0] == '"' {
		if end := strings.IndexByte(format[1:], '"'); end >= 0 {
			return format[:end+2]
		}
	}
	for i := range format {
		if i > 0 {
			return format[:i]
		}
	}
	return format
}

// numberWriter writes the elements of a pattern for one number.
type numberWriter struct {
	pattern         numberPattern
	whole, fraction string // a digit for each place, or a blank
	negative        bool

	b          strings.Builder
	at, behind int  // places that are written, before and behind the point
	begun      bool // the sign is written, if it comes before the digits
}

func (w *numberWriter) blank() string { return map[bool]string{true: "", false: " "}[w.pattern.fill] }

// sign stands in front of the first digit, unless the pattern says where.
func (w *numberWriter) sign() {
	if w.begun {
		return
	}
	w.begun = true
	switch {
	case w.pattern.bracket:
		w.b.WriteString(map[bool]string{true: "<", false: w.blank()}[w.negative])
	case w.pattern.signed:
	case w.negative:
		w.b.WriteString("-")
	case w.pattern.plus:
		w.b.WriteString("+")
	default:
		w.b.WriteString(w.blank())
	}
}

func (w *numberWriter) write(element string) {
	mark := map[bool]string{true: "-", false: "+"}[w.negative]
	switch element {
	case "9", "0":
		w.digit()
	case "9.", "0.":
		w.decimal()
	case ".":
		w.sign()
		w.b.WriteString(".")
	case ",", "G":
		if w.begun {
			w.b.WriteString(",")
		} else {
			w.b.WriteString(w.blank())
		}
	case "S":
	case "S>", "SG":
		w.b.WriteString(mark)
	case "MI":
		w.b.WriteString(map[bool]string{true: "-", false: w.blank()}[w.negative])
	case "PL":
		w.b.WriteString(map[bool]string{true: w.blank(), false: "+"}[w.negative])
	case "L":
		w.b.WriteString(w.blank())
	default:
		w.b.WriteString(strings.TrimPrefix(element, "="))
	}
}

func (w *numberWriter) digit() {
	digit := w.whole[w.at]
	zero := w.pattern.firstZero >= 0 && w.at >= w.pattern.firstZero
	w.at++
	switch {
	case digit == ' ' && !zero:
		w.b.WriteString(w.blank())
		return
	case digit == ' ':
		digit = '0'
	}
	w.sign()
	w.b.WriteByte(digit)
}

// decimal is a digit behind the point; FM leaves out the zeros at the end, but for
// those that the pattern asks for.
func (w *numberWriter) decimal() {
	w.sign()
	rest := w.fraction[w.behind:]
	w.behind++
	if w.pattern.fill && strings.Trim(rest, "0") == "" && !w.zerosFrom(w.behind) {
		return
	}
	w.b.WriteByte(rest[0])
}

// zerosFrom reports whether this place behind the point, or one after it, is a 0.
func (w *numberWriter) zerosFrom(place int) bool {
	n := 0
	for _, e := range w.pattern.elements {
		if e == "9." || e == "0." {
			if n++; n >= place && e == "0." {
				return true
			}
		}
	}
	return false
}
