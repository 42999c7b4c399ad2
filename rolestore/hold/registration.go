package hold

import (
	"errors"
	"fmt"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
)

// Registration is what the agent knows of an instance besides its definition.
type Registration struct {
	// Instance is the definition, with the incarnation of its present life.
	Instance rolestore.Instance
	// File says that the instance is defined by a file of instances.d; else it was
	// put through the API.
	File bool
	// Bound is what the attachment was when it was first seen, so that another device
	// of its name is not taken for it. It is zero while the instance waits for its
	// device, and for what re-attaches by name.
	Bound rolestore.Bound
	// Ended, if not empty, is why the instance is served no more: the device that it
	// was bound to is gone. It stays on record, so that its device is guarded and an
	// operator is told, until it is put again or removed.
	Ended string
	// Node, if not empty, is the instance whose attachment this one's requests come by: it
	// is a pod on that machine, has no attachment of its own, and ends with it.
	Node string
}

func (r Registration) equal(other Registration) bool {
	return r.Instance.Equal(other.Instance) && r.File == other.File && r.Node == other.Node && r.Bound == other.Bound && r.Ended == other.Ended
}

// storedRegistration is a Registration as it is sealed: the members of the
// definition, with the others beside them.
type storedRegistration struct {
	rolestore.Instance
	File  bool            `json:"file,omitempty"`
	Bound rolestore.Bound `json:"bound,omitzero"`
	Ended string          `json:"ended,omitempty"`
	Node  string          `json:"node,omitempty"`
}

// succeeding is r as it is to be stored in the place of old.
func (r Registration) succeeding(old Registration, exists bool) Registration {
	r.Ended = ""
	if !exists || old.Ended != "" || !old.Instance.Attachment.Same(r.Instance.Attachment) {
		r.Instance.Incarnation, r.Instance.Events = rolestore.NewIncarnation(), rolestore.Events{}
		return r
	}
	r.Instance.Incarnation, r.Instance.PendingTime, r.Instance.Events = old.Instance.Incarnation, old.Instance.PendingTime, old.Instance.Events
	if r.Bound == (rolestore.Bound{}) {
		r.Bound = old.Bound
	}
	return r
}

// Put adds an instance or replaces the one of its id, and returns what is stored.
// A life goes on if the id has one that has not ended and the attachment is the
// same but for Reattach: the incarnation stays, and so does Bound where the
// argument's is zero, and the events. Otherwise a new one begins, at the argument's
// PendingTime, which is ignored for a life that goes on. The argument's own incarnation,
// events and Ended are ignored always. It is on the disk when Put returns; the same once more
// costs no write. An error changes nothing.
func (a *Agent) Put(r Registration) (Registration, error) {
	stored, err := a.PutAll([]Registration{r})
	if err != nil {
		return Registration{}, err
	}
	return stored[0], nil
}

// PutAll is [Agent.Put] of many in one write of the disk: of all or, with an error,
// of none. What is stored comes in the order of the arguments. An id that is given
// twice is an error.
func (a *Agent) PutAll(all []Registration) ([]Registration, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	stored := make([]Registration, len(all))
	changed := make(map[string]Registration)
	given := make(map[string]bool, len(all))
	for n, r := range all {
		id := r.Instance.ID
		if given[id] {
			return nil, fmt.Errorf("instance %s is given twice: leave one out", id)
		}
		given[id] = true
		old, exists := a.registry.get(id)
		if stored[n] = r.succeeding(old, exists); !stored[n].equal(old) {
			changed[id] = stored[n]
		}
	}
	if err := a.store(changed); err != nil {
		return nil, err
	}
	return stored, nil
}

// Bind notes what the instance's attachment is, and reports whether it did: the
// incarnation must be the present one and the instance not ended, or the caller
// saw what is past. It is on the disk when Bind returns; the same once more costs no
// write.
func (a *Agent) Bind(id string, incarnation rolestore.Incarnation, b rolestore.Bound) (bool, error) {
	return a.amend(id, incarnation, func(r *Registration) { r.Bound = b })
}

// Tell changes the events of the instance, and returns the registration as it is then.
// It reports whether it did, on the terms of [Agent.Bind]. It is on the disk when Tell
// returns; no change costs no write.
func (a *Agent) Tell(id string, incarnation rolestore.Incarnation, change func(rolestore.Events) rolestore.Events) (Registration, bool, error) {
	ok, err := a.amend(id, incarnation, func(r *Registration) { r.Instance.Events = change(r.Instance.Events) })
	r, _ := a.Registration(id)
	return r, ok, err
}

// End notes that the instance is served no more, and why, which must not be empty.
// It reports whether it did, on the terms of [Agent.Bind]. The incarnation changes,
// so that no session token and no cached credential of the life that ended is worth
// anything. It is on the disk when End returns.
func (a *Agent) End(id string, incarnation rolestore.Incarnation, why string) (bool, error) {
	if why == "" {
		return false, errors.New("end instance " + id + ": say why")
	}
	return a.amend(id, incarnation, func(r *Registration) {
		r.Ended = why
		r.Instance.Incarnation = rolestore.NewIncarnation()
	})
}

// amend changes the registration, if it is of that incarnation and has not ended.
func (a *Agent) amend(id string, incarnation rolestore.Incarnation, change func(*Registration)) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, ok := a.registry.get(id)
	if !ok || old.Ended != "" || old.Instance.Incarnation != incarnation {
		return false, nil
	}
	next := old
	if change(&next); next.equal(old) {
		return true, nil
	}
	err := a.store(map[string]Registration{id: next})
	return err == nil, err
}

// RemoveInstance forgets the instance, and notes that the core is to release it, on
// the disk when it returns. Should the
// id come back, it is another incarnation. That there is none is no error, and
// costs no write.
func (a *Agent) RemoveInstance(id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.registry.get(id); !ok {
		return nil
	}
	err := a.file.Update(func(tx *dbfile.Tx) error {
		return errors.Join(tx.Delete(instancesBucket, id), tx.Put(releasesBucket, id, []byte{}))
	})
	if err != nil {
		return err
	}
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	delete(a.registry.byID, id)
	return nil
}
