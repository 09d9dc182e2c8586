// flux does what Flux's kustomize-controller does with a set of manifests: apply server-side with dry runs, find no
// drift afterwards, put drift right, and prune.
//
//	flux KUBECONFIG MANIFESTS
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

func must(err error, what string) {
	if err != nil {
		fmt.Printf("FAIL %s: %v\n", what, err)
		os.Exit(1)
	}
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	must(err, "kubeconfig")
	web, err := rest.HTTPClientFor(config)
	must(err, "client")
	mapper, err := apiutil.NewDynamicRESTMapper(config, web)
	must(err, "mapper")
	kube, err := client.New(config, client.Options{Mapper: mapper})
	must(err, "client")
	manager := ssa.NewResourceManager(kube, polling.NewStatusPoller(kube, mapper, polling.Options{}),
		ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"})
	ctx := context.Background()
	text, err := os.ReadFile(os.Args[2])
	must(err, "manifests")
	read := func() []*unstructured.Unstructured {
		objects, err := utils.ReadObjects(strings.NewReader(string(text)))
		must(err, "manifests")
		must(normalize.UnstructuredList(objects), "defaults")
		return objects
	}
	options := ssa.DefaultApplyOptions()
	apply := func(what, wanted string) *ssa.ChangeSet {
		set, err := manager.ApplyAllStaged(ctx, read(), options)
		must(err, what)
		for _, entry := range set.Entries {
			if string(entry.Action) != wanted {
				fmt.Printf("FAIL %s: %s was %s\n", what, entry.Subject, entry.Action)
				for _, object := range read() {
					if strings.Contains(entry.Subject, object.GetName()) {
						_, live, dry, _ := manager.Diff(ctx, object, ssa.DefaultDiffOptions())
						fmt.Printf("live %v\ndry  %v\n", live, dry)
					}
				}
				os.Exit(1)
			}
		}
		fmt.Printf("ok   %s: %d objects %s\n", what, len(set.Entries), wanted)
		return set
	}
	set := apply("first apply", "created")
	apply("second apply", "unchanged")
	apply("third apply", "unchanged")
	for _, object := range read() {
		entry, _, _, err := manager.Diff(ctx, object, ssa.DefaultDiffOptions())
		must(err, "diff of "+object.GetName())
		if entry.Action != ssa.UnchangedAction {
			must(fmt.Errorf("%s is %s", entry.Subject, entry.Action), "diff")
		}
	}
	fmt.Println("ok   no drift")
	for _, object := range read() {
		if object.GetKind() != "ConfigMap" {
			continue
		}
		live := object.DeepCopy()
		must(kube.Get(ctx, client.ObjectKeyFromObject(object), live), "get")
		_ = unstructured.SetNestedField(live.Object, "changed by hand", "data", "one")
		must(kube.Update(ctx, live, client.FieldOwner("kubectl")), "update")
		entry, err := manager.Apply(ctx, object, options)
		must(err, "apply over drift")
		if entry.Action != ssa.ConfiguredAction {
			must(fmt.Errorf("it was %s", entry.Action), "apply over drift")
		}
	}
	fmt.Println("ok   drift is put right")
	pruned, err := manager.DeleteAll(ctx, read(), ssa.DefaultDeleteOptions())
	must(err, "prune")
	must(manager.WaitForTermination(read(), ssa.WaitOptions{Interval: time.Second, Timeout: time.Minute}), "prune")
	fmt.Printf("ok   pruned %d of %d\n", len(pruned.Entries), len(set.Entries))
}
