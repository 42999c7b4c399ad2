package main

import (
	"cmp"
	"regexp"

	"github.com/rolecall/rolecall/rolestore"
)

// podTagKeys are the keys of the session tags that EKS gives the sessions of pods
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
var podTagKeys = []string{
	"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace",
	"kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid",
}

// clusterARN is the form of a cluster's
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html).
var clusterARN = regexp.MustCompile(`^arn:aws[a-z-]{0,16}:eks:[a-z0-9-]{1,32}:[0-9]{12}:cluster/[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)

// tags are the session tags of an instance, by podTagKeys: none for one that is no pod.
func (c *clusters) tags(i rolestore.Instance) map[string]string {
	pod := i.Containers.Pod
	if pod == (rolestore.Pod{}) || pod.SessionTags == "disabled" {
		return nil
	}
	arn := ""
	if one := c.named(pod.ClusterName); one != nil { // which may be in the file no longer
		arn = one.ARN
	}
	arn = cmp.Or(arn, "arn:aws:eks:"+i.Placement.Region+":"+i.Profile.AccountID()+":cluster/"+pod.ClusterName)
	tags := map[string]string{}
	for n, value := range []string{arn, pod.ClusterName, pod.Namespace, pod.ServiceAccount, pod.Name, pod.UID} {
		tags[podTagKeys[n]] = value
	}
	return tags
}
