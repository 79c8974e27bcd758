package admin

// explainRoute tells where EXPLAIN ROUTE is answered: nothing is routed here.
func explainRoute() command {
	return command{words: []string{"EXPLAIN", "ROUTE"}, usage: "statement", privilege: privilegeNone,
		help: "in a session of any other database: the node that a statement goes to, and why",
		parse: func(a *args) (runFunc, error) {
			a.rest()
			return nil, newError(codeNotSupported, "the console's statements go to no node").
				withHint("EXPLAIN ROUTE is answered in the sessions of every other database")
		}}
}
