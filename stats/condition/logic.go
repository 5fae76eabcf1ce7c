package condition

// constant is the condition that is always or never true.
func constant(value bool) Node {
	if value {
		return &And{}
	}
	return &Or{}
}

func isConstant(n Node, value bool) bool {
	if value {
		a, ok := n.(*And)
		return ok && len(a.Nodes) == 0
	}
	o, ok := n.(*Or)
	return ok && len(o.Nodes) == 0
}

// and joins conditions into the simplest one: no And within an And, none of
// one node, and no constants within.
func and(nodes ...Node) Node {
	var all []Node
	for _, n := range nodes {
		if isConstant(n, false) {
			return n
		}
		if a, ok := n.(*And); ok {
			all = append(all, a.Nodes...)
		} else {
			all = append(all, n)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return &And{Nodes: all}
}

// or does for Or what and does for And.
func or(nodes ...Node) Node {
	var all []Node
	for _, n := range nodes {
		if isConstant(n, true) {
			return n
		}
		if o, ok := n.(*Or); ok {
			all = append(all, o.Nodes...)
		} else {
			all = append(all, n)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return &Or{Nodes: all}
}

// not negates a condition; what needs no Not gets none.
func not(n Node) Node {
	switch n := n.(type) {
	case *Not:
		return n.Node
	case *Compare:
		switch n.Op {
		case Has:
			return &Compare{Field: n.Field, Op: Missing}
		case Missing:
			return &Compare{Field: n.Field, Op: Has}
		}
	case *And, *Or:
		if isConstant(n, true) || isConstant(n, false) {
			return constant(isConstant(n, false))
		}
	}
	return &Not{Node: n}
}

// Size is the number of comparisons in a condition.
func Size(n Node) int {
	total := 0
	switch n := n.(type) {
	case *And:
		for _, c := range n.Nodes {
			total += Size(c)
		}
	case *Or:
		for _, c := range n.Nodes {
			total += Size(c)
		}
	case *Not:
		total = Size(n.Node)
	case *Compare, *Expr:
		total = 1
	}
	return total
}

// depth is the number of levels of a condition.
func depth(n Node) int {
	deepest := 0
	switch n := n.(type) {
	case *And:
		for _, c := range n.Nodes {
			deepest = max(deepest, depth(c))
		}
	case *Or:
		for _, c := range n.Nodes {
			deepest = max(deepest, depth(c))
		}
	case *Not:
		deepest = depth(n.Node)
	}
	return deepest + 1
}

// Both is the condition that is true where both are; a nil one is always true.
func Both(a, b Node) Node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return and(a, b)
}
