// manager is a small controller-runtime program, as operators are written: a custom kind with status and finalizer, a
// reconciler that applies what it owns server-side, events, a metadata-only informer, leader election.
//
//	manager KUBECONFIG
package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

var gadgetKind = schema.GroupVersionKind{Group: "interop.example.com", Version: "v1", Kind: "Gadget"}

const finalizer = "interop.example.com/finalizer"

func fail(format string, arguments ...any) {
	fmt.Printf("FAIL "+format+"\n", arguments...)
	os.Exit(1)
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func eventually(what string, good func() error) {
	var last error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if last = good(); last == nil {
			fmt.Println("ok  ", what)
			return
		}
	}
	fail("%s: %v", what, last)
}

type reconciler struct {
	client.Client
	recorder events.EventRecorder
	finished atomic.Int64
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	gadget := &unstructured.Unstructured{}
	gadget.SetGroupVersionKind(gadgetKind)
	if err := r.Get(ctx, request.NamespacedName, gadget); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !gadget.GetDeletionTimestamp().IsZero() {
		if controllerutil.RemoveFinalizer(gadget, finalizer) {
			r.finished.Add(1)
			return ctrl.Result{}, r.Update(ctx, gadget)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(gadget, finalizer) {
		return ctrl.Result{}, r.Update(ctx, gadget)
	}
	replicas, _, _ := unstructured.NestedInt64(gadget.Object, "spec", "replicas")
	labels := map[string]string{"gadget": gadget.GetName()}
	owner := applymeta.OwnerReference().WithAPIVersion(gadgetKind.GroupVersion().String()).WithKind(gadgetKind.Kind).
		WithName(gadget.GetName()).WithUID(gadget.GetUID()).WithController(true).WithBlockOwnerDeletion(true)
	deployment := applyapps.Deployment(gadget.GetName(), gadget.GetNamespace()).WithOwnerReferences(owner).
		WithSpec(applyapps.DeploymentSpec().WithReplicas(int32(replicas)).
			WithSelector(applymeta.LabelSelector().WithMatchLabels(labels)).
			WithTemplate(applycore.PodTemplateSpec().WithLabels(labels).WithSpec(applycore.PodSpec().
				WithContainers(applycore.Container().WithName("c").WithImage("i:1")))))
	if err := r.Apply(ctx, deployment, client.FieldOwner("gadget"), client.ForceOwnership); err != nil {
		return ctrl.Result{}, fmt.Errorf("apply: %w", err)
	}
	before := gadget.DeepCopy()
	_ = unstructured.SetNestedField(gadget.Object, replicas, "status", "replicas")
	if err := r.Status().Patch(ctx, gadget, client.MergeFrom(before)); err != nil {
		return ctrl.Result{}, fmt.Errorf("status: %w", err)
	}
	r.recorder.Eventf(gadget, nil, core.EventTypeNormal, "Applied", "Apply", "%d replicas", replicas)
	return ctrl.Result{}, nil
}

func definition() *apiextensions.CustomResourceDefinition {
	integer := apiextensions.JSONSchemaProps{Type: "integer"}
	object := func(properties map[string]apiextensions.JSONSchemaProps) apiextensions.JSONSchemaProps {
		return apiextensions.JSONSchemaProps{Type: "object", Properties: properties}
	}
	root := object(map[string]apiextensions.JSONSchemaProps{
		"spec":   object(map[string]apiextensions.JSONSchemaProps{"replicas": integer}),
		"status": object(map[string]apiextensions.JSONSchemaProps{"replicas": integer}),
	})
	return &apiextensions.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "gadgets.interop.example.com"},
		Spec: apiextensions.CustomResourceDefinitionSpec{
			Group: gadgetKind.Group, Scope: apiextensions.NamespaceScoped,
			Names: apiextensions.CustomResourceDefinitionNames{Plural: "gadgets", Kind: gadgetKind.Kind},
			Versions: []apiextensions.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true,
				Schema:       &apiextensions.CustomResourceValidation{OpenAPIV3Schema: &root},
				Subresources: &apiextensions.CustomResourceSubresources{Status: &apiextensions.CustomResourceSubresourceStatus{}}}},
		},
	}
}

func main() {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	must(err, "kubeconfig")
	scheme := runtime.NewScheme()
	must(clientgoscheme.AddToScheme(scheme), "scheme")
	must(apiextensions.AddToScheme(scheme), "scheme")
	ctx, stop := context.WithCancel(context.Background())
	direct, err := client.New(config, client.Options{Scheme: scheme})
	must(err, "client")
	must(direct.Create(ctx, definition()), "definition")
	eventually("the definition is established", func() error {
		found := &apiextensions.CustomResourceDefinition{}
		if err := direct.Get(ctx, client.ObjectKey{Name: "gadgets.interop.example.com"}, found); err != nil {
			return err
		}
		for _, one := range found.Status.Conditions {
			if one.Type == apiextensions.Established && one.Status == apiextensions.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("conditions %v", found.Status.Conditions)
	})
	must(direct.Create(ctx, &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "manager"}}), "namespace")

	manager, err := ctrl.NewManager(config, ctrl.Options{Scheme: scheme, LeaderElection: true,
		LeaderElectionID: "gadgets", LeaderElectionNamespace: "manager", LeaderElectionReleaseOnCancel: true,
		Metrics: server.Options{BindAddress: "0"}})
	must(err, "manager")
	r := &reconciler{Client: manager.GetClient(), recorder: manager.GetEventRecorder("gadget")}
	gadget := &unstructured.Unstructured{}
	gadget.SetGroupVersionKind(gadgetKind)
	must(ctrl.NewControllerManagedBy(manager).For(gadget).Owns(&apps.Deployment{}, builder.OnlyMetadata).Complete(r),
		"controller")
	ended := make(chan error)
	go func() { ended <- manager.Start(ctx) }()
	exercise(ctx, direct, r)
	stop()
	must(<-ended, "end of the manager")
	fmt.Println("ok   the manager ended and released its lease")
}

func exercise(ctx context.Context, direct client.Client, r *reconciler) {
	gadget := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"replicas": int64(2)}}}
	gadget.SetGroupVersionKind(gadgetKind)
	gadget.SetNamespace("manager")
	gadget.SetName("g")
	must(direct.Create(ctx, gadget), "gadget")
	key := client.ObjectKeyFromObject(gadget)
	deployment := &apps.Deployment{}
	sees := func(replicas int64) func() error {
		return func() error {
			if err := direct.Get(ctx, key, deployment); err != nil {
				return err
			}
			if err := direct.Get(ctx, key, gadget); err != nil {
				return err
			}
			seen, _, _ := unstructured.NestedInt64(gadget.Object, "status", "replicas")
			if int64(*deployment.Spec.Replicas) != replicas || seen != replicas {
				return fmt.Errorf("%d replicas, %d in the status", *deployment.Spec.Replicas, seen)
			}
			return nil
		}
	}
	eventually("the reconciler applied a Deployment and wrote the status", sees(2))
	patch := client.MergeFrom(deployment.DeepCopy())
	three := int32(3)
	deployment.Spec.Replicas = &three
	must(direct.Patch(ctx, deployment, patch), "patch")
	eventually("what others change in it is put back, by the metadata-only watch", sees(2))
	must(direct.Get(ctx, key, gadget), "gadget")
	_ = unstructured.SetNestedField(gadget.Object, int64(4), "spec", "replicas")
	must(direct.Update(ctx, gadget), "update")
	eventually("a change arrives", sees(4))
	eventually("events are written", func() error {
		list := &core.EventList{}
		if err := direct.List(ctx, list, client.InNamespace("manager")); err != nil {
			return err
		}
		for _, one := range list.Items {
			if one.Reason == "Applied" && one.InvolvedObject.Name == "g" {
				return nil
			}
		}
		return fmt.Errorf("%d events, none of them is it", len(list.Items))
	})
	must(direct.Delete(ctx, gadget), "delete")
	eventually("the finalizer ran and the gadget is gone", func() error {
		if err := direct.Get(ctx, key, gadget); client.IgnoreNotFound(err) != nil || err == nil {
			return fmt.Errorf("still there: %v", err)
		}
		if r.finished.Load() != 1 {
			return fmt.Errorf("%d finalizations", r.finished.Load())
		}
		return nil
	})
	must(direct.Delete(ctx, definition()), "definition")
	eventually("the definition is gone, and its kind with it", func() error {
		err := direct.List(ctx, &unstructured.UnstructuredList{Object: map[string]any{
			"apiVersion": "interop.example.com/v1", "kind": "GadgetList"}})
		if err == nil {
			return fmt.Errorf("still served")
		}
		if !meta.IsNoMatchError(err) && client.IgnoreNotFound(err) != nil {
			return err
		}
		return nil
	})
}
