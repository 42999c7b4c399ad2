package main

import "github.com/rolecall/rolecall/rolestore"

// Publish implements [rotate.Sink].
func (a *agentHalf) Publish(i rolestore.Instance, c rolestore.Credentials) {
	a.imds.Publish(i, c)
	a.cache.Put(i, c)
	a.signatures.first(i, a.world.now())
	a.news.tell(i.ID)
}

// Refuse implements [rotate.Sink].
func (a *agentHalf) Refuse(i rolestore.Instance) {
	a.imds.Refuse(i)
	a.news.tell(i.ID)
}

// Withdraw implements [rotate.Sink].
func (a *agentHalf) Withdraw(i rolestore.Instance) {
	a.imds.Withdraw(i)
	a.cache.Drop(i.ID)
	a.news.tell(i.ID)
}
