package incident

import (
	"encoding/json"
	"errors"
	"testing"

	"pulse/topics"
	"pulse/topics/topicstest"
)

// An incident of which nobody wrote the end is there, not whole, and can be deleted.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	n := topics.Names{Prefix: prefix, Version: "v"}
	admin, err := cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	const id = "slow-20260102-030405"
	if err := create(t.Context(), admin, n.Incidents()+id); err != nil {
		t.Fatal(err)
	}
	if err := create(t.Context(), admin, n.Incidents()+id); !errors.Is(err, ErrExists) {
		t.Errorf("made twice: %v", err)
	}
	w, err := newWriter(cluster, n.Incidents()+id)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := json.Marshal(Manifest{ID: id, Name: "slow", From: 1000, To: 2000})
	if err != nil {
		t.Fatal(err)
	}
	w.put(aboutPartition, keyManifest, manifest)
	if err := w.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := List(t.Context(), admin, n)
	if err != nil || len(all) != 1 || all[0].ID != id || all[0].Whole || all[0].To != 2000 {
		t.Errorf("the list is %+v (%v), want %s, not whole", all, err, id)
	}
	if err := Delete(t.Context(), admin, n, id); err != nil {
		t.Fatal(err)
	}
	if _, err := Get(t.Context(), admin, n, id); !errors.Is(err, ErrUnknown) {
		t.Errorf("deleted it is still there: %v", err)
	}
}

func TestIDs(t *testing.T) {
	for name, want := range map[string]string{
		"Checkout: slow!": "checkout-slow-20260102-030405", "  ": "incident-20260102-030405", "日本": "incident-20260102-030405",
		"a very long name that goes on and on and on": "a-very-long-name-that-goes-on-and-on-and-20260102-030405",
	} {
		if got := idOf(name, 1767323045); got != want || !validID.MatchString(got) {
			t.Errorf("of %q: %s, want %s", name, got, want)
		}
	}
}
