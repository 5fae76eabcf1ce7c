package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestAsking(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a_test.go": `package a
func TestItself(t *testing.T) { c, _ := topicstest.Cluster(t); use(c) }
func TestByAnother(t *testing.T) { d := deploy(t); d.start() }
func TestNone(t *testing.T) { topicstest.Own(t) }
func TestMain(m *testing.M) { deploy(nil) }
func BenchmarkIt(b *testing.B) { deploy(b) }`,
		"b_test.go": `package a
func deploy(t testing.TB) *deployment { return deployOn(t) }
func deployOn(t testing.TB) *deployment { c, p := topicstest.Cluster(t); return &deployment{c, p} }`,
		"c.go": `package a
func TestNot() { topicstest.Cluster(nil) }`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := asking(dir)
	if want := []string{"TestByAnother", "TestItself"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}
