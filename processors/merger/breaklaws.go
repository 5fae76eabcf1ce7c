//go:build breaklaws

package merger

// ForgetFinal changes the metadata of a commit so that a merger that begins
// there does not know of the last seconds, so many, that they have been
// published as final. It is there for cmd/dev/chaos to break a law with, and in no
// other build.
func ForgetFinal(metadata []byte, seconds int64) ([]byte, error) {
	s, err := decodeState(metadata)
	if err != nil {
		return nil, err
	}
	s.final = max(s.final-seconds, 0)
	return s.append(nil), nil
}
