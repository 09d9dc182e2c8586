// informer follows several kinds, typed and dynamic, while objects come and go and the server is restarted, and in the
// end compares what its caches hold with what a list says. With KUBE_WATCHLIST_INCONSISTENCY_DETECTOR=true client-go
// itself compares every streamed list with a plain one and panics when they differ. Then two candidates elect a leader
// and hand over.
//
//	informer KUBECONFIG RESTART    # RESTART: a command that stops and starts the server
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const namespace = "informer"

func fail(format string, arguments ...any) {
	fmt.Printf("FAIL "+format+"\n", arguments...)
	os.Exit(1)
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func eventually(what string, good func() bool) {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if good() {
			fmt.Println("ok  ", what)
			return
		}
	}
	fail("%s: not within two minutes", what)
}

// Waits out a server that is away for a moment.
func retry(what string, try func() error) {
	var last error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if last = try(); last == nil {
			return
		}
	}
	fail("%s: %v", what, last)
}

func names(store cache.Store) string {
	var out []string
	for _, key := range store.ListKeys() {
		object, _, _ := store.GetByKey(key)
		out = append(out, key+"@"+object.(metav1.Object).GetResourceVersion())
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	must(err, "kubeconfig")
	config.QPS, config.Burst = 200, 200
	restart := func() {
		if out, err := exec.Command("sh", "-c", os.Args[2]).CombinedOutput(); err != nil {
			fail("restart: %v: %s", err, out)
		}
	}
	client := kubernetes.NewForConfigOrDie(config)
	loose := dynamic.NewForConfigOrDie(config)
	follow(config, client, loose, restart)
	elect(client)
}

func follow(config *rest.Config, client kubernetes.Interface, loose dynamic.Interface, restart func()) {
	ctx := context.Background()
	_, err := client.CoreV1().Namespaces().Create(ctx, &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		metav1.CreateOptions{})
	must(err, "namespace")
	typed := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	untyped := dynamicinformer.NewFilteredDynamicSharedInformerFactory(loose, 0, namespace, nil)
	bare := metadatainformer.NewFilteredSharedInformerFactory(metadata.NewForConfigOrDie(config), 0, namespace, nil)
	maps := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	stores := map[string]cache.SharedIndexInformer{
		"configmaps":           typed.Core().V1().ConfigMaps().Informer(),
		"secrets":              typed.Core().V1().Secrets().Informer(),
		"pods":                 typed.Core().V1().Pods().Informer(),
		"deployments":          typed.Apps().V1().Deployments().Informer(),
		"leases":               typed.Coordination().V1().Leases().Informer(),
		"dynamic configmaps":   untyped.ForResource(maps).Informer(),
		"metadata configmaps":  bare.ForResource(maps).Informer(),
		"dynamic deployments":  untyped.ForResource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Informer(),
		"dynamic services":     untyped.ForResource(schema.GroupVersionResource{Version: "v1", Resource: "services"}).Informer(),
		"metadata deployments": bare.ForResource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Informer(),
	}
	var added, changed, deleted atomic.Int64
	// Ours alone: every namespace has a config map of its own with the root certificates.
	stores["configmaps"].AddEventHandler(cache.FilteringResourceEventHandler{
		FilterFunc: func(object any) bool {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			return object.(metav1.Object).GetLabels()["n"] != ""
		},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { added.Add(1) },
			UpdateFunc: func(any, any) { changed.Add(1) },
			DeleteFunc: func(any) { deleted.Add(1) },
		},
	})
	write(client, 0, 20)
	stop := make(chan struct{})
	typed.Start(stop)
	untyped.Start(stop)
	bare.Start(stop)
	eventually("caches are synchronised", func() bool {
		for _, one := range stores {
			if !one.HasSynced() {
				return false
			}
		}
		return true
	})
	write(client, 20, 40)
	eventually("40 config maps were added", func() bool { return added.Load() == 40 })
	restart()
	write(client, 40, 50)
	eventually("10 more after a restart", func() bool { return added.Load() == 50 })
	for i := 0; i < 10; i++ {
		name := fmt.Sprintf("c%02d", i)
		retry("delete", func() error {
			return client.CoreV1().ConfigMaps(namespace).Delete(ctx, name, metav1.DeleteOptions{})
		})
	}
	eventually("10 were deleted", func() bool { return deleted.Load() == 10 })
	restart()
	write(client, 50, 60)
	compare(client, loose, stores)
	close(stop)
}

func write(client kubernetes.Interface, from, to int) {
	ctx := context.Background()
	for i := from; i < to; i++ {
		name := fmt.Sprintf("c%02d", i)
		meta := metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{"n": fmt.Sprint(i % 3)}}
		retry("config map", func() error {
			_, err := client.CoreV1().ConfigMaps(namespace).Create(ctx, &core.ConfigMap{ObjectMeta: meta,
				Data: map[string]string{"k": "v"}}, metav1.CreateOptions{})
			return err
		})
		retry("secret", func() error {
			_, err := client.CoreV1().Secrets(namespace).Create(ctx, &core.Secret{ObjectMeta: meta,
				Data: map[string][]byte{"k": []byte("v")}}, metav1.CreateOptions{})
			return err
		})
		retry("pod", func() error {
			_, err := client.CoreV1().Pods(namespace).Create(ctx, &core.Pod{ObjectMeta: meta,
				Spec: core.PodSpec{Containers: []core.Container{{Name: "c", Image: "i"}}}}, metav1.CreateOptions{})
			return err
		})
	}
}

// Every cache holds what a list says, version by version.
func compare(client kubernetes.Interface, loose dynamic.Interface, stores map[string]cache.SharedIndexInformer) {
	ctx := context.Background()
	for name, one := range stores {
		parts := strings.Fields(name)
		resource := schema.GroupVersionResource{Version: "v1", Resource: parts[len(parts)-1]}
		if resource.Resource == "deployments" {
			resource.Group = "apps"
		}
		if resource.Resource == "leases" {
			resource.Group = "coordination.k8s.io"
		}
		eventually(name+" agree with a list", func() bool {
			list, err := loose.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return false
			}
			var wanted []string
			_ = list.EachListItem(func(object runtime.Object) error {
				item := object.(*unstructured.Unstructured)
				wanted = append(wanted, item.GetNamespace()+"/"+item.GetName()+"@"+item.GetResourceVersion())
				return nil
			})
			sort.Strings(wanted)
			return names(one.GetStore()) == strings.Join(wanted, " ")
		})
	}
}

func elect(client kubernetes.Interface) {
	var lock sync.Mutex
	leading := ""
	leader := func() string {
		lock.Lock()
		defer lock.Unlock()
		return leading
	}
	candidate := func(name string) context.CancelFunc {
		ctx, cancel := context.WithCancel(context.Background())
		go leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Name: "elected", Namespace: namespace},
				Client: client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: name}},
			LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: 500 * time.Millisecond,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) {
					lock.Lock()
					defer lock.Unlock()
					leading = name
				},
				OnStoppedLeading: func() {},
			},
		})
		return cancel
	}
	first := candidate("a")
	eventually("a leads", func() bool { return leader() == "a" })
	second := candidate("b")
	time.Sleep(time.Second)
	first()
	eventually("b takes over", func() bool { return leader() == "b" })
	lease, err := client.CoordinationV1().Leases(namespace).Get(context.Background(), "elected", metav1.GetOptions{})
	must(err, "lease")
	check(lease)
	second()
}

func check(lease *coordination.Lease) {
	if *lease.Spec.HolderIdentity != "b" || *lease.Spec.LeaseTransitions < 1 {
		fail("lease: %+v", lease.Spec)
	}
	fmt.Println("ok   the lease tells of the handover")
}
