package line

import "bytes"

var kubectlFormat = &Format{
	Name: "kubectl",
	Doc: []FormatDoc{{
		"`kubectl logs --prefix`", "`[pod/shop-7d4b/web] LINE`, also with `--timestamps`",
		"`pod`, `container`; those of the line, in any format of these",
	}},
	Fields: []given{ofPod, ofContainer},
	Samples: []Sample{
		{
			`[pod/shop-7d4b/web] {"time":"2012-11-22T09:31:34Z","status":500}`,
			"2012-11-22T09:31:34Z", map[string]string{"pod": "'shop-7d4b", "container": "'web", "time": "'2012-11-22T09:31:34Z", "status": "500", "msg": `'{"time":"2012-11-22T09:31:34Z","status":500}`},
		},
		{
			`[pod/shop-7d4b/web] 2012-11-22T09:31:34.5Z ready`,
			"2012-11-22T09:31:34.5Z", map[string]string{"pod": "'shop-7d4b", "container": "'web", "msg": "'2012-11-22T09:31:34.5Z ready"},
		},
	},
	first: oneOf("["),
	line:  (*Scanner).kubectl,
}

// kubectl parses what kubectl writes before a line of one of several containers.
func (sc *Scanner) kubectl(ev *Event, b []byte, i, end int) bool {
	pod, container, text, ok := CutKubectl(b[i:end])
	if !ok {
		return false
	}
	sc.inner(ev, b, i+text, end, 0, placed{ofPod, span{i + pod.Start, i + pod.End}}, placed{ofContainer, span{i + container.Start, i + container.End}})
	return true
}

// CutKubectl finds a pod, a container and where the text after them begins:
//
//	[pod/shop-7d4b/web] text
func CutKubectl(l []byte) (pod, container Member, text int, ok bool) {
	const before, longest = "[pod/", 400
	head := l[:min(len(l), longest)]
	if !bytes.HasPrefix(head, []byte(before)) {
		return pod, container, 0, false
	}
	end := bytes.IndexByte(head, ']')
	if end < 0 || end+1 >= len(head) || head[end+1] != ' ' {
		return pod, container, 0, false
	}
	slash := bytes.IndexByte(head[len(before):end], '/') + len(before)
	if slash <= len(before) || slash+1 == end || bytes.IndexByte(head[:end], ' ') >= 0 {
		return pod, container, 0, false
	}
	return Member{len(before), slash}, Member{slash + 1, end}, end + 2, true
}
