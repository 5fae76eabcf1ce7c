package line

// maxNodes is the greatest number of keys that a scanner remembers.
const maxNodes = 512

// relearn is the number of other keys after which it begins anew, so that
// chance keys do not keep their places forever.
const relearn = 1 << 20

// A guess is what a scanner learned about the order of keys: a node for each
// key, with those that followed it last.
type guess struct {
	nodes   []node
	known   [4 * maxNodes]known          // the nodes by the hash of their keys, open-addressed
	keys    [bodies][MaxFields + 1]int16 // the nodes of attributes' keys that are wanted, by their slot + 1; 0: none yet
	unknown int                          // keys that came when there was no room for them
	wrong   int                          // keys in a row that were not guessed
	resting int                          // for so many messages nothing is guessed
	at      int32                        // the node of the last key of the JSON object that is read
}

// A node is a key with its = or, in JSON, with the quote and the colon after it, of 2 to
// 16 bytes. The first nodes are roots, where messages begin: some for each kind of body,
// since what follows depends on the source. A root matches nothing.
type node struct {
	first, mask uint64 // the first eight bytes, and which of them count
	last        uint64 // the last eight, if there are more
	size        uint16
	kind        bodyKind
	key         uint32
	next, other int32 // the nodes that followed last, and before that
	parent      int32 // in JSON: the node of the object's own key, or a root
}

// A known node has some bits of its key's hash beside its number, so that most that are
// not looked for need not be looked at.
type known struct {
	tag  uint16
	node int16 // 0: free
}

// roots is the number of roots of a kind of body for attributes, a power of two. Those for
// JSON, one of each kind, are after all of them.
const (
	roots    = 1 << rootBits
	rootBits = 4

	// idleRoot is a root after which nothing comes, for messages without guesses.
	idleRoot = int32(bodies) * (roots + 1)
)

// Of lines whose keys come in another order each time, none is guessed for a while: that would
// cost time and, worse, places in the cache.
const (
	wrongKeys = 128  // in a row that were not guessed
	guessRest = 1024 // messages
)

// rest reports whether nothing is guessed in the next message.
func (g *guess) rest() bool {
	if g.resting == 0 {
		return false
	}
	g.resting--
	return true
}

// note takes note of how many keys in a row were not guessed, at the end of a message.
func (g *guess) note(wrong int) {
	switch {
	case g.resting > 0:
		wrong = 0
	case wrong >= wrongKeys:
		wrong, g.resting = 0, guessRest
	}
	g.wrong = wrong
}

// forget makes a guess that knows nothing.
func (g *guess) forget() {
	if g.nodes == nil {
		g.nodes = make([]node, 0, maxNodes)
	}
	g.nodes = g.nodes[:idleRoot+1]
	for i := range g.nodes {
		g.nodes[i] = node{first: 1} // with no mask it matches nothing
	}
	clear(g.known[:])
	g.keys = [bodies][MaxFields + 1]int16{}
	g.unknown, g.wrong, g.resting = 0, 0, 0
}

// root gives the root of messages of the source that begins at i.
func (k bodyKind) root(b []byte, i int) int32 {
	return int32(k)*roots + int32(load(b, i)<<32*prime1>>(64-rootBits))
}

// objectRoot gives the root of JSON objects.
func (k bodyKind) objectRoot() int32 { return int32(bodies)*roots + int32(k) }

// follow gives the node after at whose key and = are at i, nil if there is none.
func (g *guess) follow(at *node, b []byte, i int) *node {
	if n := &g.nodes[at.next]; n.match(b, i) {
		return n
	}
	if n := &g.nodes[at.other]; n.match(b, i) {
		at.next, at.other = at.other, at.next
		return n
	}
	return nil
}

func (n *node) match(b []byte, i int) bool {
	return load(b, i)&n.mask == n.first && (n.size <= 8 || load(b, i+int(n.size)-8) == n.last)
}

// learn remembers that b[start:end], a key with its =, followed the node at,
// and gives its own node, nil if it has none.
func (g *guess) learn(at *node, kind bodyKind, b []byte, start, end int, key uint32, parent int32) *node {
	size := uint16(min(end-start, 17))
	if size > 16 {
		return nil
	}
	if key == 0 && len(g.nodes) == maxNodes { // most likely one that does not come again
		g.unknown++
		return nil
	}
	first, last := ends(b, start, end)
	hash := (first ^ last>>7 ^ uint64(size)<<56 ^ uint64(kind)<<48 ^ uint64(parent)<<32) * prime1
	h, tag := hash>>32%uint64(len(g.known)), uint16(hash>>48)
	for ; g.known[h].node != 0; h = (h + 1) % uint64(len(g.known)) {
		if g.known[h].tag != tag {
			continue
		}
		i := int32(g.known[h].node)
		if n := &g.nodes[i]; n.first == first && n.last == last && n.size == size && n.kind == kind && n.parent == parent {
			at.next, at.other = i, at.next
			return n
		}
	}
	if len(g.nodes) == maxNodes {
		g.unknown++
		return nil
	}
	i := int32(len(g.nodes))
	g.known[h] = known{tag, int16(i)}
	g.nodes = append(g.nodes, node{first: first, mask: lowBytes[min(size, 8)], last: last, size: size, kind: kind, key: key, parent: parent})
	at.next, at.other = i, at.next
	return &g.nodes[i]
}

// learnKey is learn of the key of an attribute. If it gets no node, that is the root again.
func (g *guess) learnKey(at *node, root int32, kind bodyKind, b []byte, start, end int, key uint32) *node {
	if key == 0 && len(g.nodes) == maxNodes {
		g.unknown++
		return &g.nodes[root]
	}
	known := &g.keys[kind][key&slotMask]
	if i := int32(*known); i != 0 {
		at.next, at.other = i, at.next
		return &g.nodes[i]
	}
	n := g.learn(at, kind, b, start, end, key, 0)
	if n == nil {
		return &g.nodes[root]
	}
	if key&slotMask != 0 {
		*known = int16(at.next)
	}
	return n
}

// noNode stands for none.
const noNode = -1

// member gives the node of the key of a JSON member at i, if it followed the last one
// before, and makes it the last one.
func (g *guess) member(b []byte, i int, parent int32) int32 {
	at := &g.nodes[g.at]
	switch {
	case parent == noNode:
		return noNode
	case g.nodes[at.next].isMember(b, i, parent):
	case g.nodes[at.other].isMember(b, i, parent):
		at.next, at.other = at.other, at.next
	default:
		return noNode
	}
	g.at = at.next
	return g.at
}

func (n *node) isMember(b []byte, i int, parent int32) bool {
	return n.match(b, i) && n.parent == parent
}

// learnMember is learn of the key b[start:end] of a JSON member, which has its quote and
// a colon after it.
func (g *guess) learnMember(kind bodyKind, b []byte, start, end int, key uint32, parent int32) int32 {
	if parent == noNode || g.learn(&g.nodes[g.at], kind, b, start, end+len(`":`), key, parent) == nil {
		g.at = kind.objectRoot()
		return noNode
	}
	g.at = g.nodes[g.at].next
	return g.at
}
