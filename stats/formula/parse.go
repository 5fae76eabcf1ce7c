package formula

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// An Error is what is wrong with a formula, at a byte of its text.
type Error struct {
	Offset  int
	Message string
}

func (e *Error) Error() string { return e.Message }

// Parse reads a formula. Names are those of stats: letters, digits and . _ - /, of which
// the first is no - and no /; so there are blanks around - and / that are signs and stand
// behind a name. What is a decimal is a number. The references are to be bound before the
// formula has a value.
func Parse(text string) (*Formula, error) {
	p := &parser{formula: &Formula{Text: text}, text: text}
	if len(text) > MaxText {
		return nil, &Error{0, fmt.Sprintf("a formula has at most %d bytes, this has %d", MaxText, len(text))}
	}
	p.formula.root = p.sum()
	p.blanks()
	if p.at < len(text) {
		p.fail(p.at, "%s is not expected here: write one of + - * / between two values", p.word())
	}
	if p.err == nil && len(p.formula.references) == 0 {
		p.fail(0, "this names no stat: a value is made of those of others, such as errors / requests")
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.formula, nil
}

// A parser goes through a text once, up to the first mistake.
type parser struct {
	formula *Formula
	text    string
	at      int
	terms   int
	err     error
}

func (p *parser) fail(at int, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{at, fmt.Sprintf(format, args...)}
		p.at = len(p.text) // nothing more is read
	}
}

func (p *parser) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// operator takes one of some operators if it comes next; 0 if it does not.
func (p *parser) operator(operators string) byte {
	p.blanks()
	if p.at < len(p.text) && strings.IndexByte(operators, p.text[p.at]) >= 0 {
		p.at++
		return p.text[p.at-1]
	}
	return 0
}

func (p *parser) sum() node { return p.chain("+-", p.product) }

func (p *parser) product() node { return p.chain("*/", p.term) }

// chain reads operands with operators of one precedence between them.
func (p *parser) chain(operators string, operand func() node) node {
	n := operand()
	for p.err == nil {
		operator := p.operator(operators)
		if operator == 0 {
			break
		}
		n = &binary{operator, n, operand()}
	}
	return n
}

var (
	namePattern    = regexp.MustCompile(`^[A-Za-z0-9._][A-Za-z0-9._/-]*`)
	sumPattern     = regexp.MustCompile(`^[A-Za-z0-9._*][A-Za-z0-9._/*-]*`)
	numberPattern  = regexp.MustCompile(`^[0-9]{1,30}(\.[0-9]{1,30})?$`)
	anythingSpaced = regexp.MustCompile(`^\S[^\s()+*]*`)
)

// term reads a number, a name, sum(names), or a formula in parentheses.
func (p *parser) term() node {
	p.blanks()
	start := p.at
	if p.terms++; p.terms > MaxTerms {
		p.fail(start, "a formula has at most %d names and numbers: make it of several", MaxTerms)
		return nil
	}
	if p.operator("(") != 0 {
		n := p.sum()
		if p.err == nil && p.operator(")") == 0 {
			p.fail(p.at, "a ) is missing, for the ( at byte %d", start+1)
		}
		return n
	}
	if p.operator("-") != 0 {
		return &binary{'-', &constant{"0", new(big.Rat)}, p.term()}
	}
	word := namePattern.FindString(p.text[p.at:])
	p.at += len(word)
	switch {
	case word == "" && p.at == len(p.text):
		p.fail(start, "the formula ends where a value must follow: a stat's name, a number, or ( )")
	case word == "":
		p.fail(start, "%s stands where a value must be: a stat's name, a number, or ( )", p.word())
	case numberPattern.MatchString(word):
		number, _ := new(big.Rat).SetString(word)
		p.formula.numbers = append(p.formula.numbers, Reference{Text: word, Offset: start})
		return &constant{word, number}
	case word == "sum" && p.operator("(") != 0:
		return p.named()
	default:
		return p.refer(word, start, false)
	}
	return nil
}

// named reads what is between the parentheses of sum.
func (p *parser) named() node {
	p.blanks()
	start := p.at
	word := sumPattern.FindString(p.text[p.at:])
	p.at += len(word)
	if word == "" || p.operator(")") == 0 {
		p.fail(start, "sum takes the name of a stat, or a pattern such as http-*, and then a )")
	}
	return p.refer(word, start, strings.Contains(word, "*"))
}

func (p *parser) refer(word string, at int, pattern bool) node {
	p.formula.references = append(p.formula.references, Reference{word, at, pattern})
	return sum(len(p.formula.references) - 1)
}

// word is what comes next, for messages.
func (p *parser) word() string {
	if w := anythingSpaced.FindString(p.text[p.at:]); w != "" {
		return w
	}
	return p.text[p.at : p.at+1]
}
