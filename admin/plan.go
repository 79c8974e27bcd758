package admin

// Plan is what a promotion or a recovery would do, and what stands in its way.
type Plan struct {
	Diagnosis string // why it is done so; "" for none
	Loss      string // what a recovery takes back; "" for nothing
	Steps     []string
	Obstacles []Obstacle
}

// Obstacle is a reason to refuse it. A passing one may go by itself.
type Obstacle struct {
	Problem, Hint string
	Passing       bool
}

func (o Obstacle) kind() string {
	if o.Passing {
		return "waits"
	}
	return "refused"
}

// rows are the plan's for EXPLAIN: kind, number, text, hint.
func (p Plan) rows() [][]any {
	var rows [][]any
	if p.Diagnosis != "" {
		rows = append(rows, []any{"diagnosis", 1, p.Diagnosis, nil})
	}
	if p.Loss != "" {
		rows = append(rows, []any{"loss", 1, p.Loss, "it is on that node alone, and taken back for good: look at it there first if it matters"})
	}
	for i, step := range p.Steps {
		rows = append(rows, []any{"step", i + 1, step, nil})
	}
	for i, o := range p.Obstacles {
		rows = append(rows, []any{o.kind(), i + 1, o.Problem, nullText(o.Hint)})
	}
	return rows
}
