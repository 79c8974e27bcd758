package sqlparse

import pg "github.com/pganalyze/pg_query_go/v5"

// Configured is what the calls of set_config in a text set, and the parameters that
// they name by way of their first argument.
type Configured struct {
	Names    []string // constant, as they stand
	Numbers  []int    // of the text's own parameters ($1 is 1) that hold a name
	Computed bool     // some names are known to the server only
}

// FindConfigured looks for set_config in a text that has the trait Configures.
func FindConfigured(sql string) Configured {
	tree, err := parseAny(sql)
	if err != nil {
		return Configured{Computed: true}
	}
	var c Configured
	eachMessage(tree.ProtoReflect(), func(part any) {
		if call, ok := part.(*pg.FuncCall); ok {
			c.add(call)
		}
	})
	return c
}

func (c *Configured) add(call *pg.FuncCall) {
	if name, builtIn := functionName(call); !builtIn || name != "set_config" || len(call.Args) == 0 {
		return
	}
	arg := call.Args[0]
	for arg.GetTypeCast() != nil {
		arg = arg.GetTypeCast().Arg
	}
	switch {
	case arg.GetAConst().GetSval() != nil:
		c.Names = append(c.Names, arg.GetAConst().GetSval().Sval)
	case arg.GetParamRef().GetNumber() > 0:
		c.Numbers = append(c.Numbers, int(arg.GetParamRef().Number))
	default:
		c.Computed = true
	}
}
