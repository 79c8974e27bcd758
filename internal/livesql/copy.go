package livesql

import (
	"bytes"
	"strings"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Copy is what COPY ... TO STDOUT sends.
type Copy struct {
	*Query
	CSV       bool
	Header    bool
	Delimiter byte
	Null      string
}

// PrepareCopy reads COPY view [(columns)] TO STDOUT and COPY (SELECT ...) TO STDOUT, with
// the options FORMAT, HEADER, DELIMITER and NULL. A mistake is an *Error.
func (c *Catalog) PrepareCopy(sql string, env Env) (*Copy, error) {
	node, err := parse(sql)
	if err != nil {
		return nil, err
	}
	s := node.GetCopyStmt()
	switch {
	case s == nil:
		return nil, fail(codeUnsupported, -1, "only SELECT and COPY ... TO STDOUT can be said here")
	case s.IsFrom:
		return nil, unsupported(-1, "COPY FROM")
	case s.Query != nil && s.Query.GetSelectStmt() == nil:
		return nil, unsupported(-1, "COPY of a statement that writes")
	case s.Filename != "" || s.IsProgram:
		return nil, unsupported(-1, "COPY to a file or a program")
	}
	made, err := copyOptions(s.Options)
	if err != nil {
		return nil, located(sql, err)
	}
	if made.Query, err = c.prepare(sql, copied(s), nil, env); err == nil && len(made.Params) > 0 {
		err = fail(codeUndefinedParam, -1, "there is no parameter $1")
	}
	return made, err
}

// copied is the query whose rows are sent.
func copied(s *pg.CopyStmt) *pg.SelectStmt {
	if s.Query != nil {
		return s.Query.GetSelectStmt()
	}
	made := &pg.SelectStmt{Op: pg.SetOperation_SETOP_NONE, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT,
		FromClause: []*pg.Node{{Node: &pg.Node_RangeVar{RangeVar: s.Relation}}}}
	for _, column := range s.Attlist {
		made.TargetList = append(made.TargetList, pg.MakeResTargetNodeWithVal(pg.MakeColumnRefNode([]*pg.Node{column}, -1), -1))
	}
	if len(s.Attlist) == 0 {
		made.TargetList = []*pg.Node{pg.MakeResTargetNodeWithVal(pg.MakeColumnRefNode([]*pg.Node{pg.MakeAStarNode()}, -1), -1)}
	}
	return made
}

func copyOptions(list []*pg.Node) (*Copy, error) {
	made := &Copy{Delimiter: '\t', Null: `\N`}
	given := map[string]string{}
	for _, node := range list {
		option := node.GetDefElem()
		value := optionText(option.Arg)
		given[option.Defname] = value
		switch option.Defname {
		case "format":
			if made.CSV = value == "csv"; value != "csv" && value != "text" {
				return nil, fail(codeInvalidParameter, option.Location, "COPY format %q is not recognized: there are text and csv", value)
			}
		case "header":
			on, err := parseBool(value)
			if err != nil {
				return nil, fail(codeInvalidParameter, option.Location, "header requires a Boolean value")
			}
			made.Header = on == int64(1)
		case "delimiter":
			if len(value) != 1 || strings.ContainsAny(value, "\r\n\"\\") {
				return nil, fail(codeInvalidParameter, option.Location, "COPY delimiter must be a single one-byte character")
			}
		case "null":
		default:
			return nil, unsupported(option.Location, "the option "+option.Defname+" of COPY")
		}
	}
	if made.CSV {
		made.Delimiter, made.Null = ',', ""
	}
	if text, ok := given["delimiter"]; ok {
		made.Delimiter = text[0]
	}
	if text, ok := given["null"]; ok {
		made.Null = text
	}
	return made, nil
}

// optionText is an option's value; an option without one is on.
func optionText(arg *pg.Node) string {
	switch n := arg.GetNode().(type) {
	case *pg.Node_String_:
		return n.String_.Sval
	case *pg.Node_Boolean:
		return map[bool]string{true: "true", false: "false"}[n.Boolean.Boolval]
	case *pg.Node_Integer:
		return map[bool]string{true: "true", false: "false"}[n.Integer.Ival != 0]
	}
	return "true"
}

// Head is the line of names, nil if none was asked for.
func (c *Copy) Head() []byte {
	if !c.Header {
		return nil
	}
	var b []byte
	for i, column := range c.Columns {
		b = c.appendField(c.separated(b, i), column.Name)
	}
	return append(b, '\n')
}

// Line is a row as Run gives it.
func (c *Copy) Line(row []any) []byte {
	var b []byte
	for i, v := range row {
		b = c.separated(b, i)
		if v == nil {
			b = append(b, c.Null...)
		} else {
			b = c.appendField(b, string(AppendText(nil, v, c.Columns[i], time.UTC)))
		}
	}
	return append(b, '\n')
}

func (c *Copy) separated(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, c.Delimiter)
	}
	return b
}

func (c *Copy) appendField(b []byte, text string) []byte {
	if !c.CSV {
		delimiter := string(c.Delimiter)
		return append(b, strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, delimiter, `\`+delimiter).Replace(text)...)
	}
	if text != c.Null && text != `\.` && bytes.IndexByte([]byte(text), c.Delimiter) < 0 && !strings.ContainsAny(text, "\"\r\n") {
		return append(b, text...)
	}
	return append(b, `"`+strings.ReplaceAll(text, `"`, `""`)+`"`...)
}
