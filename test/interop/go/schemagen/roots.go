package main

import (
	admissionregistration "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v1"
	autoscaling2 "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	certificates "k8s.io/api/certificates/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	events "k8s.io/api/events/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	scheduling "k8s.io/api/scheduling/v1"
	storage "k8s.io/api/storage/v1"
)

// The kinds of kinds.txt.
var schemaRoots = map[string]any{
	"Pod": core.Pod{}, "PodTemplate": core.PodTemplate{}, "Node": core.Node{}, "Service": core.Service{},
	"Endpoints": core.Endpoints{}, "PersistentVolume": core.PersistentVolume{},
	"PersistentVolumeClaim": core.PersistentVolumeClaim{}, "ReplicationController": core.ReplicationController{},
	"LimitRange": core.LimitRange{}, "ResourceQuota": core.ResourceQuota{},
	"Deployment": apps.Deployment{}, "DaemonSet": apps.DaemonSet{}, "StatefulSet": apps.StatefulSet{},
	"ReplicaSet": apps.ReplicaSet{}, "ControllerRevision": apps.ControllerRevision{},
	"Job": batch.Job{}, "CronJob": batch.CronJob{},
	"EndpointSlice": discovery.EndpointSlice{},
	"Ingress":       networking.Ingress{}, "IngressClass": networking.IngressClass{},
	"NetworkPolicy":       networking.NetworkPolicy{},
	"PodDisruptionBudget": policy.PodDisruptionBudget{}, "PriorityClass": scheduling.PriorityClass{},
	"StorageClass": storage.StorageClass{}, "VolumeAttachment": storage.VolumeAttachment{},
	"CSIDriver": storage.CSIDriver{}, "CSINode": storage.CSINode{},
	"CertificateSigningRequest": certificates.CertificateSigningRequest{},
	"HorizontalPodAutoscaler":   autoscaling2.HorizontalPodAutoscaler{},
}

// What protobuf bodies may hold beyond those and the kinds with a table of their own in the server.
var messageRoots = []any{
	core.Pod{}, core.PodTemplate{}, core.Node{}, core.Service{}, core.Endpoints{}, core.PersistentVolume{},
	core.PersistentVolumeClaim{}, core.ReplicationController{}, core.LimitRange{}, core.ResourceQuota{}, core.Binding{},
	apps.Deployment{}, apps.DaemonSet{}, apps.StatefulSet{}, apps.ReplicaSet{}, apps.ControllerRevision{},
	certificates.CertificateSigningRequest{},
	batch.Job{}, batch.CronJob{}, autoscaling.Scale{}, autoscaling2.HorizontalPodAutoscaler{},
	discovery.EndpointSlice{}, networking.Ingress{}, networking.IngressClass{}, networking.NetworkPolicy{},
	policy.PodDisruptionBudget{}, policy.Eviction{}, scheduling.PriorityClass{},
	storage.StorageClass{}, storage.VolumeAttachment{}, storage.CSIDriver{}, storage.CSINode{}, events.Event{},
	admissionregistration.ValidatingWebhookConfiguration{}, admissionregistration.MutatingWebhookConfiguration{},
	admissionregistration.ValidatingAdmissionPolicy{}, admissionregistration.ValidatingAdmissionPolicyBinding{},
}
