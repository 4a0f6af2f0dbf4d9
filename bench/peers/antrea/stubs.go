package main

import (
	"time"

	"antrea.io/antrea/v2/pkg/agent/proxy"
	"antrea.io/antrea/v2/pkg/agent/types"
	"antrea.io/antrea/v2/pkg/querier"
	k8sproxy "antrea.io/antrea/v2/third_party/proxy"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8stypes "k8s.io/apimachinery/pkg/types"
)

// pods knows the Pod behind each address of the table, as Antrea's store of Pods does: by a look-up in a map.
type pods map[string]*corev1.Pod

func newPods() pods {
	known := pods{}
	for client := range clients {
		name := "pod-" + clientAddress(client).String()
		known[clientAddress(client).String()] = &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "pods", Name: name, UID: k8stypes.UID(name)},
		}
	}
	return known
}

func (p pods) GetPodByIPAndTime(ip string, _ time.Time) (*corev1.Pod, bool) {
	pod, found := p[ip]
	return pod, found
}

func (p pods) Run(<-chan struct{}) {}

func (p pods) HasSynced() bool { return true }

// services knows the Service that the table's connections are to. The rest of the interface is not asked.
type services struct {
	proxy.ProxyQuerier
	byAddress map[string]k8sproxy.ServicePortName
}

func newServices() services {
	name := k8sproxy.ServicePortName{
		NamespacedName: k8stypes.NamespacedName{Namespace: "services", Name: "service"},
		Port:           "30000",
		Protocol:       corev1.ProtocolTCP,
	}
	return services{byAddress: map[string]k8sproxy.ServicePortName{service.String() + "/TCP": name}}
}

func (s services) GetServiceByIP(address string) (k8sproxy.ServicePortName, bool) {
	name, found := s.byAddress[address]
	return name, found
}

// policies knows no rule: the table's connections have no labels. The rest of the interface is not asked.
type policies struct {
	querier.AgentNetworkPolicyInfoQuerier
}

func (policies) GetRuleByFlowID(uint32) *types.PolicyRule { return nil }
