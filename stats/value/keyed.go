package value

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// ShapeKeyed is the shape of Keyed.
const ShapeKeyed Shape = "keyed"

// Keyed are values by key: {"top":[{"key":"a","value":9.5}],"other":3,"distinct":12}.
// Each is a Number, Quantiles or null.
type Keyed struct {
	Top      []Key // the keys with the greatest values, the greatest first
	Other    Value // of all other keys together
	Distinct uint64
}

// A Key is a key with its value.
type Key struct {
	Key   string // UTF-8
	Value Value

	// Dropped says that the value is null because one of the stats that it is made of
	// may have dropped the key: {"key":"a","value":null,"dropped":true}.
	Dropped bool
}

// Shape implements Value.
func (*Keyed) Shape() Shape { return ShapeKeyed }

// AppendJSON implements Value.
func (k *Keyed) AppendJSON(b []byte) []byte {
	b = append(b, `{"top":[`...)
	for i, t := range k.Top {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"key":`...), t.Key)
		b = AppendJSON(append(b, `,"value":`...), t.Value)
		if t.Dropped {
			b = append(b, `,"dropped":true`...)
		}
		b = append(b, '}')
	}
	b = AppendJSON(append(b, `],"other":`...), k.Other)
	b = Count(k.Distinct).AppendJSON(append(b, `,"distinct":`...))
	return append(b, '}')
}

func (k *Keyed) walk(labels []Label, yield func([]Label, Number) bool) bool {
	for _, t := range k.Top {
		if t.Value != nil && !t.Value.walk(append(labels, Label{LabelKey, t.Key}), yield) {
			return false
		}
	}
	if k.Other != nil && !k.Other.walk(append(labels, Label{LabelKeys, OtherKeys}), yield) {
		return false
	}
	return yield(append(labels, Label{LabelKeys, DistinctKeys}), Count(k.Distinct))
}

// maxExtremeKeys bounds the keys of an extreme: each second may have others.
const maxExtremeKeys = 50

func (k *Keyed) extreme(other Value, greater bool) Value {
	o, ok := other.(*Keyed)
	if !ok {
		return k
	}
	all := &Keyed{Top: slices.Clone(k.Top), Other: Extreme(k.Other, o.Other, greater), Distinct: extremeCount(k.Distinct, o.Distinct, greater)}
	for _, t := range o.Top {
		i := slices.IndexFunc(all.Top, func(have Key) bool { return have.Key == t.Key })
		if i >= 0 {
			all.Top[i].Value = Extreme(all.Top[i].Value, t.Value, greater)
			all.Top[i].Dropped = all.Top[i].Dropped && t.Dropped
		} else if len(all.Top) < maxExtremeKeys {
			all.Top = append(all.Top, t)
		}
	}
	return all
}

func beginsKeyed(member string) bool { return member == "top" }

func parseKeyed(data []byte) (Value, error) {
	var in struct {
		Top []struct {
			Key     string
			Value   json.RawMessage
			Dropped bool
		}
		Other    json.RawMessage
		Distinct uint64
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	k := &Keyed{Top: make([]Key, len(in.Top)), Distinct: in.Distinct}
	var err error
	for i, t := range in.Top {
		k.Top[i].Key, k.Top[i].Dropped = t.Key, t.Dropped
		if k.Top[i].Value, err = parseOfKey(t.Value); err != nil {
			return nil, err
		}
	}
	k.Other, err = parseOfKey(in.Other)
	return k, err
}

// parseOfKey reads the value of a key, which is not by key itself.
func parseOfKey(data []byte) (Value, error) {
	switch member, object := firstMember(data); {
	case string(data) == "null":
		return nil, nil
	case !object:
		return parseNumber(data)
	case beginsQuantiles(member):
		return parseQuantiles(data)
	}
	return nil, fmt.Errorf("the value of a key is a number, quantiles or null, not %.80s", data)
}

// appendString appends UTF-8 as a JSON string.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = hex.AppendEncode(append(b, `\u00`...), []byte{c})
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
