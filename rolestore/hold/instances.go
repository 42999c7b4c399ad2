package hold

import (
	"cmp"
	"maps"
	"slices"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
)

// PutInstance adds the instance or replaces the one of its id, and returns it
// with its incarnation: that of the instance it replaces if the attachment is the
// same, else a new one. The argument's own is ignored. It is on the disk when
// PutInstance returns; the same instance once more costs no write.
func (a *Agent) PutInstance(i rolestore.Instance) (rolestore.Instance, error) {
	if old, ok := a.state.Load().instances[i.ID]; ok {
		i.Incarnation = old.Incarnation
		if i == old {
			return old, nil
		}
	}
	err := a.change(func(tx *dbfile.Tx, s *state) error {
		old, ok := s.instances[i.ID]
		i.Incarnation = old.Incarnation
		if !ok || old.Attachment != i.Attachment {
			i.Incarnation = rolestore.NewIncarnation()
		}
		s.instances = maps.Clone(s.instances)
		s.instances[i.ID] = i
		return tx.PutJSON(instancesBucket, i.ID, i)
	})
	if err != nil {
		return rolestore.Instance{}, err
	}
	return i, nil
}

// RemoveInstance forgets the instance, on the disk when it returns. Should the
// id come back, it is another incarnation. That there is none is no error.
func (a *Agent) RemoveInstance(id string) error {
	return a.change(func(tx *dbfile.Tx, s *state) error {
		s.instances = maps.Clone(s.instances)
		delete(s.instances, id)
		return tx.Delete(instancesBucket, id)
	})
}

// Instances returns all instances, in the order of their ids.
func (a *Agent) Instances() []rolestore.Instance {
	return slices.SortedFunc(maps.Values(a.state.Load().instances), func(x, y rolestore.Instance) int {
		return cmp.Compare(x.ID, y.ID)
	})
}
