package main

import "github.com/rolecall/rolecall/imds"

const (
	// defaultRequestRate is what EC2 can be asked at most: it takes 1,024 packets a second
	// of an interface, and a request is one at least
	// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html#instancedata-throttling).
	// It takes some two hundredths of a core.
	defaultRequestRate = 1000
	// defaultTokenRate is a token for each three documents, which is what an SDK asks for:
	// the role's name, its credentials and the region.
	defaultTokenRate = 250
	// burstSeconds is how many seconds' worth an instance may ask for at once. When a machine
	// starts, everything on it asks: 1,250 programs at the same moment find their role.
	burstSeconds = 5
)

// atMost is the limit of a rate per second; 0 is none.
func atMost(perSecond uint16) imds.Limit {
	return imds.Limit{PerSecond: int(perSecond), Burst: burstSeconds * int(perSecond)}
}
