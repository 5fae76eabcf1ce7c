//go:build breaklaws

package merger

import "pulse/topics"

// ForgetFinal changes the metadata of a commit so that a merger that begins
// there does not know of the last seconds, so many, that they have been
// published as final. It is there for cmd/dev/chaos to break a law with, and in no
// other build.
func ForgetFinal(metadata []byte, seconds int64) ([]byte, error) {
	s, err := topics.DecodeMergerState(metadata)
	if err != nil {
		return nil, err
	}
	s.Final = max(s.Final-seconds, 0)
	return s.Append(nil), nil
}
