package livesql

import (
	"strings"
	"unicode/utf8"

	"github.com/hbollon/go-edlib"
)

// Nearest is the choice that text was probably meant to be, or "": a third of
// its characters may be wrong.
func Nearest(text string, choices []string) string {
	if len(text) > 64 {
		return ""
	}
	best, least := "", utf8.RuneCountInString(text)/3+1
	for _, choice := range choices {
		if d := edlib.OSADamerauLevenshteinDistance(strings.ToUpper(text), strings.ToUpper(choice)); d < least {
			best, least = choice, d
		}
	}
	return best
}

// didYouMean is a hint; "" when nothing is near.
func didYouMean(text string, choices []string) string {
	if name := Nearest(text, choices); name != "" {
		return "did you mean " + name + "?"
	}
	return ""
}
