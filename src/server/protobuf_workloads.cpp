// Messages of the workload kinds and of admission configuration, as test/interop/go/schemagen writes them; the types
// are those of protobuf_messages.h.
#include <string_view>

namespace server {

extern const std::string_view workload_messages;
const std::string_view workload_messages = R"(
Pod 1 metadata ObjectMeta 2 spec PodSpec 3 status PodStatus
PodSpec 1 volumes []Volume 20 initContainers []Container 2 containers []Container
  34 ephemeralContainers []EphemeralContainer 3 restartPolicy s 4 terminationGracePeriodSeconds n
  5 activeDeadlineSeconds n 6 dnsPolicy s 7 nodeSelector {}p 8 serviceAccountName s 9 serviceAccount s
  21 automountServiceAccountToken b 10 nodeName s 11 hostNetwork o 12 hostPID o 13 hostIPC o
  27 shareProcessNamespace b 14 securityContext *PodSecurityContext 15 imagePullSecrets []LocalObjectReference
  16 hostname s 17 subdomain s 18 affinity *Affinity 19 schedulerName s 22 tolerations []Toleration
  23 hostAliases []HostAlias 24 priorityClassName s 25 priority n 26 dnsConfig *PodDNSConfig
  28 readinessGates []PodReadinessGate 29 runtimeClassName p 30 enableServiceLinks b 31 preemptionPolicy p
  32 overhead {}q 33 topologySpreadConstraints []TopologySpreadConstraint 35 setHostnameAsFQDN b 36 os *PodOS
  37 hostUsers b 38 schedulingGates []PodSchedulingGate 39 resourceClaims []PodResourceClaim
  40 resources *ResourceRequirements 41 hostnameOverride p 43 schedulingGroup *PodSchedulingGroup
Volume 1 name s 2 - VolumeSource
VolumeSource 1 hostPath *HostPathVolumeSource 2 emptyDir *EmptyDirVolumeSource
  3 gcePersistentDisk *GCEPersistentDiskVolumeSource 4 awsElasticBlockStore *AWSElasticBlockStoreVolumeSource
  5 gitRepo *GitRepoVolumeSource 6 secret *SecretVolumeSource 7 nfs *NFSVolumeSource 8 iscsi *ISCSIVolumeSource
  9 glusterfs *GlusterfsVolumeSource 10 persistentVolumeClaim *PersistentVolumeClaimVolumeSource
  11 rbd *RBDVolumeSource 12 flexVolume *FlexVolumeSource 13 cinder *CinderVolumeSource 14 cephfs *CephFSVolumeSource
  15 flocker *FlockerVolumeSource 16 downwardAPI *DownwardAPIVolumeSource 17 fc *FCVolumeSource
  18 azureFile *AzureFileVolumeSource 19 configMap *ConfigMapVolumeSource
  20 vsphereVolume *VsphereVirtualDiskVolumeSource 21 quobyte *QuobyteVolumeSource
  22 azureDisk *AzureDiskVolumeSource 23 photonPersistentDisk *PhotonPersistentDiskVolumeSource
  26 projected *ProjectedVolumeSource 24 portworxVolume *PortworxVolumeSource 25 scaleIO *ScaleIOVolumeSource
  27 storageos *StorageOSVolumeSource 28 csi *CSIVolumeSource 29 ephemeral *EphemeralVolumeSource
  30 image *ImageVolumeSource
HostPathVolumeSource 1 path s 2 type p
EmptyDirVolumeSource 1 medium s 2 sizeLimit q
GCEPersistentDiskVolumeSource 1 pdName s 2 fsType s 3 partition i 4 readOnly o
AWSElasticBlockStoreVolumeSource 1 volumeID s 2 fsType s 3 partition i 4 readOnly o
GitRepoVolumeSource 1 repository s 2 revision s 3 directory s
SecretVolumeSource 1 secretName s 2 items []KeyToPath 3 defaultMode n 4 optional b
KeyToPath 1 key s 2 path s 3 mode n
NFSVolumeSource 1 server s 2 path s 3 readOnly o
ISCSIVolumeSource 1 targetPortal s 2 iqn s 3 lun i 4 iscsiInterface s 5 fsType s 6 readOnly o 7 portals []p
  8 chapAuthDiscovery o 11 chapAuthSession o 10 secretRef *LocalObjectReference 12 initiatorName p
GlusterfsVolumeSource 1 endpoints s 2 path s 3 readOnly o
PersistentVolumeClaimVolumeSource 1 claimName s 2 readOnly o
RBDVolumeSource 1 monitors []p 2 image s 3 fsType s 4 pool s 5 user s 6 keyring s 7 secretRef *LocalObjectReference
  8 readOnly o
FlexVolumeSource 1 driver s 2 fsType s 3 secretRef *LocalObjectReference 4 readOnly o 5 options {}p
CinderVolumeSource 1 volumeID s 2 fsType s 3 readOnly o 4 secretRef *LocalObjectReference
CephFSVolumeSource 1 monitors []p 2 path s 3 user s 4 secretFile s 5 secretRef *LocalObjectReference 6 readOnly o
FlockerVolumeSource 1 datasetName s 2 datasetUUID s
DownwardAPIVolumeSource 1 items []DownwardAPIVolumeFile 2 defaultMode n
DownwardAPIVolumeFile 1 path s 2 fieldRef *ObjectFieldSelector 3 resourceFieldRef *ResourceFieldSelector 4 mode n
ObjectFieldSelector 1 apiVersion s 2 fieldPath s
ResourceFieldSelector 1 containerName s 2 resource s 3 divisor q
FCVolumeSource 1 targetWWNs []p 2 lun n 3 fsType s 4 readOnly o 5 wwids []p
AzureFileVolumeSource 1 secretName s 2 shareName s 3 readOnly o
ConfigMapVolumeSource 1 - LocalObjectReference 2 items []KeyToPath 3 defaultMode n 4 optional b
VsphereVirtualDiskVolumeSource 1 volumePath s 2 fsType s 3 storagePolicyName s 4 storagePolicyID s
QuobyteVolumeSource 1 registry s 2 volume s 3 readOnly o 4 user s 5 group s 6 tenant s
AzureDiskVolumeSource 1 diskName s 2 diskURI s 3 cachingMode p 4 fsType p 5 readOnly b 6 kind p
PhotonPersistentDiskVolumeSource 1 pdID s 2 fsType s
ProjectedVolumeSource 1 sources []VolumeProjection 2 defaultMode n
VolumeProjection 1 secret *SecretProjection 2 downwardAPI *DownwardAPIProjection 3 configMap *ConfigMapProjection
  4 serviceAccountToken *ServiceAccountTokenProjection 5 clusterTrustBundle *ClusterTrustBundleProjection
  6 podCertificate *PodCertificateProjection
SecretProjection 1 - LocalObjectReference 2 items []KeyToPath 4 optional b
DownwardAPIProjection 1 items []DownwardAPIVolumeFile
ConfigMapProjection 1 - LocalObjectReference 2 items []KeyToPath 4 optional b
ServiceAccountTokenProjection 1 audience s 2 expirationSeconds n 3 path s
ClusterTrustBundleProjection 1 name p 2 signerName p 3 labelSelector *LabelSelector 5 optional b 4 path s
PodCertificateProjection 1 signerName s 2 keyType s 3 maxExpirationSeconds n 4 credentialBundlePath s 5 keyPath s
  6 certificateChainPath s 7 userAnnotations {}p
PortworxVolumeSource 1 volumeID s 2 fsType s 3 readOnly o
ScaleIOVolumeSource 1 gateway s 2 system s 3 secretRef *LocalObjectReference 4 sslEnabled o 5 protectionDomain s
  6 storagePool s 7 storageMode s 8 volumeName s 9 fsType s 10 readOnly o
StorageOSVolumeSource 1 volumeName s 2 volumeNamespace s 3 fsType s 4 readOnly o 5 secretRef *LocalObjectReference
CSIVolumeSource 1 driver s 2 readOnly b 3 fsType p 4 volumeAttributes {}p
  5 nodePublishSecretRef *LocalObjectReference
EphemeralVolumeSource 1 volumeClaimTemplate *PersistentVolumeClaimTemplate
PersistentVolumeClaimTemplate 1 metadata ObjectMeta 2 spec PersistentVolumeClaimSpec
PersistentVolumeClaimSpec 1 accessModes []p 4 selector *LabelSelector 2 resources VolumeResourceRequirements
  3 volumeName s 5 storageClassName p 6 volumeMode p 7 dataSource *TypedLocalObjectReference
  8 dataSourceRef *TypedObjectReference 9 volumeAttributesClassName p
VolumeResourceRequirements 1 limits {}q 2 requests {}q
TypedLocalObjectReference 1 apiGroup p 2 kind s 3 name s
TypedObjectReference 1 apiGroup p 2 kind s 3 name s 4 namespace p
ImageVolumeSource 1 reference s 2 pullPolicy s
Container 1 name s 2 image s 3 command []p 4 args []p 5 workingDir s 6 ports []ContainerPort
  19 envFrom []EnvFromSource 7 env []EnvVar 8 resources ResourceRequirements 23 resizePolicy []ContainerResizePolicy
  24 restartPolicy p 25 restartPolicyRules []ContainerRestartRule 9 volumeMounts []VolumeMount
  21 volumeDevices []VolumeDevice 10 livenessProbe *Probe 11 readinessProbe *Probe 22 startupProbe *Probe
  12 lifecycle *Lifecycle 13 terminationMessagePath s 20 terminationMessagePolicy s 14 imagePullPolicy s
  15 securityContext *SecurityContext 16 stdin o 17 stdinOnce o 18 tty o
ContainerPort 1 name s 2 hostPort i 3 containerPort i 4 protocol s 5 hostIP s
EnvFromSource 1 prefix s 2 configMapRef *ConfigMapEnvSource 3 secretRef *SecretEnvSource
ConfigMapEnvSource 1 - LocalObjectReference 2 optional b
SecretEnvSource 1 - LocalObjectReference 2 optional b
EnvVar 1 name s 2 value s 3 valueFrom *EnvVarSource
EnvVarSource 1 fieldRef *ObjectFieldSelector 2 resourceFieldRef *ResourceFieldSelector
  3 configMapKeyRef *ConfigMapKeySelector 4 secretKeyRef *SecretKeySelector 5 fileKeyRef *FileKeySelector
ConfigMapKeySelector 1 - LocalObjectReference 2 key s 3 optional b
SecretKeySelector 1 - LocalObjectReference 2 key s 3 optional b
FileKeySelector 1 volumeName s 2 path s 3 key s 4 optional b
ResourceRequirements 1 limits {}q 2 requests {}q 3 claims []ResourceClaim
ResourceClaim 1 name s 2 request s
ContainerResizePolicy 1 resourceName s 2 restartPolicy s
ContainerRestartRule 1 action s 2 exitCodes *ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes 1 operator s 2 values []n
VolumeMount 1 name s 2 readOnly o 7 recursiveReadOnly p 3 mountPath s 4 subPath s 5 mountPropagation p
  6 subPathExpr s
VolumeDevice 1 name s 2 devicePath s
Probe 1 - ProbeHandler 2 initialDelaySeconds i 3 timeoutSeconds i 4 periodSeconds i 5 successThreshold i
  6 failureThreshold i 7 terminationGracePeriodSeconds n
ProbeHandler 1 exec *ExecAction 2 httpGet *HTTPGetAction 3 tcpSocket *TCPSocketAction 4 grpc *GRPCAction
ExecAction 1 command []p
HTTPGetAction 1 path s 2 port x 3 host s 4 scheme s 5 httpHeaders []HTTPHeader
HTTPHeader 1 name s 2 value s
TCPSocketAction 1 port x 2 host s
GRPCAction 1 port i 2 service p
Lifecycle 1 postStart *LifecycleHandler 2 preStop *LifecycleHandler 3 stopSignal p
LifecycleHandler 1 exec *ExecAction 2 httpGet *HTTPGetAction 3 tcpSocket *TCPSocketAction 4 sleep *SleepAction
SleepAction 1 seconds i
SecurityContext 1 capabilities *Capabilities 2 privileged b 3 seLinuxOptions *SELinuxOptions
  10 windowsOptions *WindowsSecurityContextOptions 4 runAsUser n 8 runAsGroup n 5 runAsNonRoot b
  6 readOnlyRootFilesystem b 7 allowPrivilegeEscalation b 9 procMount p 11 seccompProfile *SeccompProfile
  12 appArmorProfile *AppArmorProfile
Capabilities 1 add []p 2 drop []p
SELinuxOptions 1 user s 2 role s 3 type s 4 level s
WindowsSecurityContextOptions 1 gmsaCredentialSpecName p 2 gmsaCredentialSpec p 3 runAsUserName p 4 hostProcess b
SeccompProfile 1 type s 2 localhostProfile p
AppArmorProfile 1 type s 2 localhostProfile p
EphemeralContainer 1 - EphemeralContainerCommon 2 targetContainerName s
EphemeralContainerCommon 1 name s 2 image s 3 command []p 4 args []p 5 workingDir s 6 ports []ContainerPort
  19 envFrom []EnvFromSource 7 env []EnvVar 8 resources ResourceRequirements 23 resizePolicy []ContainerResizePolicy
  24 restartPolicy p 25 restartPolicyRules []ContainerRestartRule 9 volumeMounts []VolumeMount
  21 volumeDevices []VolumeDevice 10 livenessProbe *Probe 11 readinessProbe *Probe 22 startupProbe *Probe
  12 lifecycle *Lifecycle 13 terminationMessagePath s 20 terminationMessagePolicy s 14 imagePullPolicy s
  15 securityContext *SecurityContext 16 stdin o 17 stdinOnce o 18 tty o
PodSecurityContext 1 seLinuxOptions *SELinuxOptions 8 windowsOptions *WindowsSecurityContextOptions 2 runAsUser n
  6 runAsGroup n 3 runAsNonRoot b 4 supplementalGroups []n 12 supplementalGroupsPolicy p 5 fsGroup n
  7 sysctls []Sysctl 9 fsGroupChangePolicy p 10 seccompProfile *SeccompProfile 11 appArmorProfile *AppArmorProfile
  13 seLinuxChangePolicy p
Sysctl 1 name s 2 value s
Affinity 1 nodeAffinity *NodeAffinity 2 podAffinity *PodAffinity 3 podAntiAffinity *PodAntiAffinity
NodeAffinity 1 requiredDuringSchedulingIgnoredDuringExecution *NodeSelector
  2 preferredDuringSchedulingIgnoredDuringExecution []PreferredSchedulingTerm
NodeSelector 1 nodeSelectorTerms []NodeSelectorTerm
NodeSelectorTerm 1 matchExpressions []NodeSelectorRequirement 2 matchFields []NodeSelectorRequirement
NodeSelectorRequirement 1 key s 2 operator s 3 values []p
PreferredSchedulingTerm 1 weight i 2 preference NodeSelectorTerm
PodAffinity 1 requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm
  2 preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm
PodAffinityTerm 1 labelSelector *LabelSelector 2 namespaces []p 3 topologyKey s 4 namespaceSelector *LabelSelector
  5 matchLabelKeys []p 6 mismatchLabelKeys []p
WeightedPodAffinityTerm 1 weight i 2 podAffinityTerm PodAffinityTerm
PodAntiAffinity 1 requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm
  2 preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm
Toleration 1 key s 2 operator s 3 value s 4 effect s 5 tolerationSeconds n
HostAlias 1 ip s 2 hostnames []p
PodDNSConfig 1 nameservers []p 2 searches []p 3 options []PodDNSConfigOption
PodDNSConfigOption 1 name s 2 value p
PodReadinessGate 1 conditionType s
TopologySpreadConstraint 1 maxSkew i 2 topologyKey s 3 whenUnsatisfiable s 4 labelSelector *LabelSelector
  5 minDomains n 6 nodeAffinityPolicy p 7 nodeTaintsPolicy p 8 matchLabelKeys []p
PodOS 1 name s
PodSchedulingGate 1 name s
PodResourceClaim 1 name s 3 resourceClaimName p 4 resourceClaimTemplateName p
PodSchedulingGroup 1 podGroupName p
PodStatus 17 observedGeneration i 1 phase s 2 conditions []PodCondition 3 message s 4 reason s 11 nominatedNodeName s
  5 hostIP s 16 hostIPs []HostIP 6 podIP s 12 podIPs []PodIP 7 startTime t 10 initContainerStatuses []ContainerStatus
  8 containerStatuses []ContainerStatus 9 qosClass s 13 ephemeralContainerStatuses []ContainerStatus 14 resize s
  15 resourceClaimStatuses []PodResourceClaimStatus 18 extendedResourceClaimStatus *PodExtendedResourceClaimStatus
  19 allocatedResources {}q 20 resources *ResourceRequirements
  21 nodeAllocatableResourceClaimStatuses []NodeAllocatableResourceClaimStatus
PodCondition 1 type s 7 observedGeneration i 2 status s 3 lastProbeTime t 4 lastTransitionTime t 5 reason s
  6 message s
HostIP 1 ip s
PodIP 1 ip s
ContainerStatus 1 name s 2 state ContainerState 3 lastState ContainerState 4 ready o 5 restartCount i 6 image s
  7 imageID s 8 containerID s 9 started b 10 allocatedResources {}q 11 resources *ResourceRequirements
  12 volumeMounts []VolumeMountStatus 13 user *ContainerUser 14 allocatedResourcesStatus []ResourceStatus
  15 stopSignal p
ContainerState 1 waiting *ContainerStateWaiting 2 running *ContainerStateRunning
  3 terminated *ContainerStateTerminated
ContainerStateWaiting 1 reason s 2 message s
ContainerStateRunning 1 startedAt t
ContainerStateTerminated 1 exitCode i 2 signal i 3 reason s 4 message s 5 startedAt t 6 finishedAt t 7 containerID s
VolumeMountStatus 1 name s 2 mountPath s 3 readOnly o 4 recursiveReadOnly p 5 volumeStatus *VolumeStatus
VolumeStatus 1 image *ImageVolumeStatus
ImageVolumeStatus 1 imageRef s
ContainerUser 1 linux *LinuxContainerUser
LinuxContainerUser 1 uid i 2 gid i 3 supplementalGroups []n
ResourceStatus 1 name s 2 resources []ResourceHealth
ResourceHealth 1 resourceID s 2 health s 6 message p
PodResourceClaimStatus 1 name s 2 resourceClaimName p
PodExtendedResourceClaimStatus 1 requestMappings []ContainerExtendedResourceRequest 2 resourceClaimName s
ContainerExtendedResourceRequest 1 containerName s 2 resourceName s 3 requestName s
NodeAllocatableResourceClaimStatus 1 resourceClaimName s 2 containers []p 3 resources {}q
PodTemplate 1 metadata ObjectMeta 2 template PodTemplateSpec
PodTemplateSpec 1 metadata ObjectMeta 2 spec PodSpec
Node 1 metadata ObjectMeta 2 spec NodeSpec 3 status NodeStatus
NodeSpec 1 podCIDR s 7 podCIDRs []p 3 providerID s 4 unschedulable o 5 taints []Taint
  6 configSource *NodeConfigSource 2 externalID s
Taint 1 key s 2 value s 3 effect s 4 timeAdded t
NodeConfigSource 2 configMap *ConfigMapNodeConfigSource
ConfigMapNodeConfigSource 1 namespace s 2 name s 3 uid s 4 resourceVersion s 5 kubeletConfigKey s
NodeStatus 1 capacity {}q 2 allocatable {}q 3 phase s 4 conditions []NodeCondition 5 addresses []NodeAddress
  6 daemonEndpoints NodeDaemonEndpoints 7 nodeInfo NodeSystemInfo 8 images []ContainerImage 9 volumesInUse []p
  10 volumesAttached []AttachedVolume 11 config *NodeConfigStatus 12 runtimeHandlers []NodeRuntimeHandler
  13 features *NodeFeatures 14 declaredFeatures []p
NodeCondition 1 type s 2 status s 3 lastHeartbeatTime t 4 lastTransitionTime t 5 reason s 6 message s
NodeAddress 1 type s 2 address s
NodeDaemonEndpoints 1 kubeletEndpoint DaemonEndpoint
DaemonEndpoint 1 Port i
NodeSystemInfo 1 machineID s 2 systemUUID s 3 bootID s 4 kernelVersion s 5 osImage s 6 containerRuntimeVersion s
  7 kubeletVersion s 8 kubeProxyVersion s 9 operatingSystem s 10 architecture s 11 swap *NodeSwapStatus
NodeSwapStatus 1 capacity n
ContainerImage 1 names []p 2 sizeBytes i
AttachedVolume 1 name s 2 devicePath s
NodeConfigStatus 1 assigned *NodeConfigSource 2 active *NodeConfigSource 3 lastKnownGood *NodeConfigSource 4 error s
NodeRuntimeHandler 1 name s 2 features *NodeRuntimeHandlerFeatures
NodeRuntimeHandlerFeatures 1 recursiveReadOnlyMounts b 2 userNamespaces b
NodeFeatures 1 supplementalGroupsPolicy b
Service 1 metadata ObjectMeta 2 spec ServiceSpec 3 status ServiceStatus
ServiceSpec 1 ports []ServicePort 2 selector {}p 3 clusterIP s 18 clusterIPs []p 4 type s 5 externalIPs []p
  7 sessionAffinity s 8 loadBalancerIP s 9 loadBalancerSourceRanges []p 10 externalName s 11 externalTrafficPolicy s
  12 healthCheckNodePort i 13 publishNotReadyAddresses o 14 sessionAffinityConfig *SessionAffinityConfig
  19 ipFamilies []p 17 ipFamilyPolicy p 20 allocateLoadBalancerNodePorts b 21 loadBalancerClass p
  22 internalTrafficPolicy p 23 trafficDistribution p
ServicePort 1 name s 2 protocol s 6 appProtocol p 3 port i 4 targetPort x 5 nodePort i
SessionAffinityConfig 1 clientIP *ClientIPConfig
ClientIPConfig 1 timeoutSeconds n
ServiceStatus 1 loadBalancer LoadBalancerStatus 2 conditions []Condition
LoadBalancerStatus 1 ingress []LoadBalancerIngress
LoadBalancerIngress 1 ip s 2 hostname s 3 ipMode p 4 ports []PortStatus
PortStatus 1 port i 2 protocol s 3 error p
Condition 1 type s 2 status s 3 observedGeneration i 4 lastTransitionTime t 5 reason s 6 message s
Endpoints 1 metadata ObjectMeta 2 subsets []EndpointSubset
EndpointSubset 1 addresses []EndpointAddress 2 notReadyAddresses []EndpointAddress 3 ports []EndpointPort
EndpointAddress 1 ip s 3 hostname s 4 nodeName p 2 targetRef *ObjectReference
EndpointPort 1 name s 2 port i 3 protocol s 4 appProtocol p
PersistentVolume 1 metadata ObjectMeta 2 spec PersistentVolumeSpec 3 status PersistentVolumeStatus
PersistentVolumeSpec 1 capacity {}q 2 - PersistentVolumeSource 3 accessModes []p 4 claimRef *ObjectReference
  5 persistentVolumeReclaimPolicy s 6 storageClassName s 7 mountOptions []p 8 volumeMode p
  9 nodeAffinity *VolumeNodeAffinity 10 volumeAttributesClassName p
PersistentVolumeSource 1 gcePersistentDisk *GCEPersistentDiskVolumeSource
  2 awsElasticBlockStore *AWSElasticBlockStoreVolumeSource 3 hostPath *HostPathVolumeSource
  4 glusterfs *GlusterfsPersistentVolumeSource 5 nfs *NFSVolumeSource 6 rbd *RBDPersistentVolumeSource
  7 iscsi *ISCSIPersistentVolumeSource 8 cinder *CinderPersistentVolumeSource 9 cephfs *CephFSPersistentVolumeSource
  10 fc *FCVolumeSource 11 flocker *FlockerVolumeSource 12 flexVolume *FlexPersistentVolumeSource
  13 azureFile *AzureFilePersistentVolumeSource 14 vsphereVolume *VsphereVirtualDiskVolumeSource
  15 quobyte *QuobyteVolumeSource 16 azureDisk *AzureDiskVolumeSource
  17 photonPersistentDisk *PhotonPersistentDiskVolumeSource 18 portworxVolume *PortworxVolumeSource
  19 scaleIO *ScaleIOPersistentVolumeSource 20 local *LocalVolumeSource 21 storageos *StorageOSPersistentVolumeSource
  22 csi *CSIPersistentVolumeSource
GlusterfsPersistentVolumeSource 1 endpoints s 2 path s 3 readOnly o 4 endpointsNamespace p
RBDPersistentVolumeSource 1 monitors []p 2 image s 3 fsType s 4 pool s 5 user s 6 keyring s
  7 secretRef *SecretReference 8 readOnly o
SecretReference 1 name s 2 namespace s
ISCSIPersistentVolumeSource 1 targetPortal s 2 iqn s 3 lun i 4 iscsiInterface s 5 fsType s 6 readOnly o 7 portals []p
  8 chapAuthDiscovery o 11 chapAuthSession o 10 secretRef *SecretReference 12 initiatorName p
CinderPersistentVolumeSource 1 volumeID s 2 fsType s 3 readOnly o 4 secretRef *SecretReference
CephFSPersistentVolumeSource 1 monitors []p 2 path s 3 user s 4 secretFile s 5 secretRef *SecretReference
  6 readOnly o
FlexPersistentVolumeSource 1 driver s 2 fsType s 3 secretRef *SecretReference 4 readOnly o 5 options {}p
AzureFilePersistentVolumeSource 1 secretName s 2 shareName s 3 readOnly o 4 secretNamespace p
ScaleIOPersistentVolumeSource 1 gateway s 2 system s 3 secretRef *SecretReference 4 sslEnabled o 5 protectionDomain s
  6 storagePool s 7 storageMode s 8 volumeName s 9 fsType s 10 readOnly o
LocalVolumeSource 1 path s 2 fsType p
StorageOSPersistentVolumeSource 1 volumeName s 2 volumeNamespace s 3 fsType s 4 readOnly o
  5 secretRef *ObjectReference
CSIPersistentVolumeSource 1 driver s 2 volumeHandle s 3 readOnly o 4 fsType s 5 volumeAttributes {}p
  6 controllerPublishSecretRef *SecretReference 7 nodeStageSecretRef *SecretReference
  8 nodePublishSecretRef *SecretReference 9 controllerExpandSecretRef *SecretReference
  10 nodeExpandSecretRef *SecretReference
VolumeNodeAffinity 1 required *NodeSelector
PersistentVolumeStatus 1 phase s 2 message s 3 reason s 4 lastPhaseTransitionTime t
PersistentVolumeClaim 1 metadata ObjectMeta 2 spec PersistentVolumeClaimSpec 3 status PersistentVolumeClaimStatus
PersistentVolumeClaimStatus 1 phase s 2 accessModes []p 3 capacity {}q 4 conditions []PersistentVolumeClaimCondition
  5 allocatedResources {}q 7 allocatedResourceStatuses {}p 8 currentVolumeAttributesClassName p
  9 modifyVolumeStatus *ModifyVolumeStatus
PersistentVolumeClaimCondition 1 type s 2 status s 3 lastProbeTime t 4 lastTransitionTime t 5 reason s 6 message s
ModifyVolumeStatus 1 targetVolumeAttributesClassName s 2 status s
ReplicationController 1 metadata ObjectMeta 2 spec ReplicationControllerSpec 3 status ReplicationControllerStatus
ReplicationControllerSpec 1 replicas n 4 minReadySeconds i 2 selector {}p 3 template *PodTemplateSpec
ReplicationControllerStatus 1 replicas i 2 fullyLabeledReplicas i 4 readyReplicas i 5 availableReplicas i
  3 observedGeneration i 6 conditions []ReplicationControllerCondition
ReplicationControllerCondition 1 type s 2 status s 3 lastTransitionTime t 4 reason s 5 message s
LimitRange 1 metadata ObjectMeta 2 spec LimitRangeSpec
LimitRangeSpec 1 limits []LimitRangeItem
LimitRangeItem 1 type s 2 max {}q 3 min {}q 4 default {}q 5 defaultRequest {}q 6 maxLimitRequestRatio {}q
ResourceQuota 1 metadata ObjectMeta 2 spec ResourceQuotaSpec 3 status ResourceQuotaStatus
ResourceQuotaSpec 1 hard {}q 2 scopes []p 3 scopeSelector *ScopeSelector
ScopeSelector 1 matchExpressions []ScopedResourceSelectorRequirement
ScopedResourceSelectorRequirement 1 scopeName s 2 operator s 3 values []p
ResourceQuotaStatus 1 hard {}q 2 used {}q
Binding 1 metadata ObjectMeta 2 target ObjectReference
Deployment 1 metadata ObjectMeta 2 spec DeploymentSpec 3 status DeploymentStatus
DeploymentSpec 1 replicas n 2 selector *LabelSelector 3 template PodTemplateSpec 4 strategy DeploymentStrategy
  5 minReadySeconds i 6 revisionHistoryLimit n 7 paused o 9 progressDeadlineSeconds n
DeploymentStrategy 1 type s 2 rollingUpdate *RollingUpdateDeployment
RollingUpdateDeployment 1 maxUnavailable *x 2 maxSurge *x
DeploymentStatus 1 observedGeneration i 2 replicas i 3 updatedReplicas i 7 readyReplicas i 4 availableReplicas i
  5 unavailableReplicas i 9 terminatingReplicas n 6 conditions []DeploymentCondition 8 collisionCount n
DeploymentCondition 1 type s 2 status s 6 lastUpdateTime t 7 lastTransitionTime t 4 reason s 5 message s
DaemonSet 1 metadata ObjectMeta 2 spec DaemonSetSpec 3 status DaemonSetStatus
DaemonSetSpec 1 selector *LabelSelector 2 template PodTemplateSpec 3 updateStrategy DaemonSetUpdateStrategy
  4 minReadySeconds i 6 revisionHistoryLimit n
DaemonSetUpdateStrategy 1 type s 2 rollingUpdate *RollingUpdateDaemonSet
RollingUpdateDaemonSet 1 maxUnavailable *x 2 maxSurge *x
DaemonSetStatus 1 currentNumberScheduled i 2 numberMisscheduled i 3 desiredNumberScheduled i 4 numberReady i
  5 observedGeneration i 6 updatedNumberScheduled i 7 numberAvailable i 8 numberUnavailable i 9 collisionCount n
  10 conditions []DaemonSetCondition
DaemonSetCondition 1 type s 2 status s 3 lastTransitionTime t 4 reason s 5 message s
StatefulSet 1 metadata ObjectMeta 2 spec StatefulSetSpec 3 status StatefulSetStatus
StatefulSetSpec 1 replicas n 2 selector *LabelSelector 3 template PodTemplateSpec
  4 volumeClaimTemplates []PersistentVolumeClaim 5 serviceName s 6 podManagementPolicy s
  7 updateStrategy StatefulSetUpdateStrategy 8 revisionHistoryLimit n 9 minReadySeconds i
  10 persistentVolumeClaimRetentionPolicy *StatefulSetPersistentVolumeClaimRetentionPolicy
  11 ordinals *StatefulSetOrdinals
StatefulSetUpdateStrategy 1 type s 2 rollingUpdate *RollingUpdateStatefulSetStrategy
RollingUpdateStatefulSetStrategy 1 partition n 2 maxUnavailable *x
StatefulSetPersistentVolumeClaimRetentionPolicy 1 whenDeleted s 2 whenScaled s
StatefulSetOrdinals 1 start i
StatefulSetStatus 1 observedGeneration i 2 replicas i 3 readyReplicas i 4 currentReplicas i 5 updatedReplicas i
  6 currentRevision s 7 updateRevision s 9 collisionCount n 10 conditions []StatefulSetCondition
  11 availableReplicas i
StatefulSetCondition 1 type s 2 status s 3 lastTransitionTime t 4 reason s 5 message s
ReplicaSet 1 metadata ObjectMeta 2 spec ReplicaSetSpec 3 status ReplicaSetStatus
ReplicaSetSpec 1 replicas n 4 minReadySeconds i 2 selector *LabelSelector 3 template PodTemplateSpec
ReplicaSetStatus 1 replicas i 2 fullyLabeledReplicas i 4 readyReplicas i 5 availableReplicas i
  7 terminatingReplicas n 3 observedGeneration i 6 conditions []ReplicaSetCondition
ReplicaSetCondition 1 type s 2 status s 3 lastTransitionTime t 4 reason s 5 message s
ControllerRevision 1 metadata ObjectMeta 2 data j 3 revision i
CertificateSigningRequest 1 metadata ObjectMeta 2 spec CertificateSigningRequestSpec
  3 status CertificateSigningRequestStatus
CertificateSigningRequestSpec 1 request y 7 signerName s 8 expirationSeconds n 5 usages []p 2 username s 3 uid s
  4 groups []p 6 extra {}e
CertificateSigningRequestStatus 1 conditions []CertificateSigningRequestCondition 2 certificate y
CertificateSigningRequestCondition 1 type s 6 status s 2 reason s 3 message s 4 lastUpdateTime t
  5 lastTransitionTime t
Job 1 metadata ObjectMeta 2 spec JobSpec 3 status JobStatus
JobSpec 1 parallelism n 2 completions n 3 activeDeadlineSeconds n 11 podFailurePolicy *PodFailurePolicy
  16 successPolicy *SuccessPolicy 7 backoffLimit n 12 backoffLimitPerIndex n 13 maxFailedIndexes n
  4 selector *LabelSelector 5 manualSelector b 6 template PodTemplateSpec 8 ttlSecondsAfterFinished n
  9 completionMode p 10 suspend b 14 podReplacementPolicy p 15 managedBy p
PodFailurePolicy 1 rules []PodFailurePolicyRule
PodFailurePolicyRule 1 action s 2 onExitCodes *PodFailurePolicyOnExitCodesRequirement
  3 onPodConditions []PodFailurePolicyOnPodConditionsPattern
PodFailurePolicyOnExitCodesRequirement 1 containerName p 2 operator s 3 values []n
PodFailurePolicyOnPodConditionsPattern 1 type s 2 status s
SuccessPolicy 1 rules []SuccessPolicyRule
SuccessPolicyRule 1 succeededIndexes p 2 succeededCount n
JobStatus 1 conditions []JobCondition 2 startTime t 3 completionTime t 4 active i 5 succeeded i 6 failed i
  11 terminating n 7 completedIndexes s 10 failedIndexes p 8 uncountedTerminatedPods *UncountedTerminatedPods
  9 ready n
JobCondition 1 type s 2 status s 3 lastProbeTime t 4 lastTransitionTime t 5 reason s 6 message s
UncountedTerminatedPods 1 succeeded []p 2 failed []p
CronJob 1 metadata ObjectMeta 2 spec CronJobSpec 3 status CronJobStatus
CronJobSpec 1 schedule s 8 timeZone p 2 startingDeadlineSeconds n 3 concurrencyPolicy s 4 suspend b
  5 jobTemplate JobTemplateSpec 6 successfulJobsHistoryLimit n 7 failedJobsHistoryLimit n
JobTemplateSpec 1 metadata ObjectMeta 2 spec JobSpec
CronJobStatus 1 active []ObjectReference 4 lastScheduleTime t 5 lastSuccessfulTime t
Scale 1 metadata ObjectMeta 2 spec autoscaling.ScaleSpec 3 status ScaleStatus
autoscaling.ScaleSpec 1 replicas i
ScaleStatus 1 replicas i 2 selector s
HorizontalPodAutoscaler 1 metadata ObjectMeta 2 spec HorizontalPodAutoscalerSpec
  3 status HorizontalPodAutoscalerStatus
HorizontalPodAutoscalerSpec 1 scaleTargetRef CrossVersionObjectReference 2 minReplicas n 3 maxReplicas i
  4 metrics []MetricSpec 5 behavior *HorizontalPodAutoscalerBehavior
CrossVersionObjectReference 1 kind s 2 name s 3 apiVersion s
MetricSpec 1 type s 2 object *ObjectMetricSource 3 pods *PodsMetricSource 4 resource *ResourceMetricSource
  7 containerResource *ContainerResourceMetricSource 5 external *ExternalMetricSource
ObjectMetricSource 1 describedObject CrossVersionObjectReference 2 target MetricTarget 3 metric MetricIdentifier
MetricTarget 1 type s 2 value q 3 averageValue q 4 averageUtilization n
MetricIdentifier 1 name s 2 selector *LabelSelector
PodsMetricSource 1 metric MetricIdentifier 2 target MetricTarget
ResourceMetricSource 1 name s 2 target MetricTarget
ContainerResourceMetricSource 1 name s 2 target MetricTarget 3 container s
ExternalMetricSource 1 metric MetricIdentifier 2 target MetricTarget
HorizontalPodAutoscalerBehavior 1 scaleUp *HPAScalingRules 2 scaleDown *HPAScalingRules
HPAScalingRules 3 stabilizationWindowSeconds n 1 selectPolicy p 2 policies []HPAScalingPolicy 4 tolerance q
HPAScalingPolicy 1 type s 2 value i 3 periodSeconds i
HorizontalPodAutoscalerStatus 1 observedGeneration n 2 lastScaleTime t 3 currentReplicas i 4 desiredReplicas i
  5 currentMetrics []MetricStatus 6 conditions []HorizontalPodAutoscalerCondition
MetricStatus 1 type s 2 object *ObjectMetricStatus 3 pods *PodsMetricStatus 4 resource *ResourceMetricStatus
  7 containerResource *ContainerResourceMetricStatus 5 external *ExternalMetricStatus
ObjectMetricStatus 1 metric MetricIdentifier 2 current MetricValueStatus
  3 describedObject CrossVersionObjectReference
MetricValueStatus 1 value q 2 averageValue q 3 averageUtilization n
PodsMetricStatus 1 metric MetricIdentifier 2 current MetricValueStatus
ResourceMetricStatus 1 name s 2 current MetricValueStatus
ContainerResourceMetricStatus 1 name s 2 current MetricValueStatus 3 container s
ExternalMetricStatus 1 metric MetricIdentifier 2 current MetricValueStatus
HorizontalPodAutoscalerCondition 1 type s 2 status s 3 lastTransitionTime t 4 reason s 5 message s
EndpointSlice 1 metadata ObjectMeta 4 addressType s 2 endpoints []discovery.Endpoint 3 ports []discovery.EndpointPort
discovery.Endpoint 1 addresses []p 2 conditions discovery.EndpointConditions 3 hostname p
  4 targetRef *ObjectReference 5 deprecatedTopology {}p 6 nodeName p 7 zone p 8 hints *EndpointHints
discovery.EndpointConditions 1 ready b 2 serving b 3 terminating b
EndpointHints 1 forZones []ForZone 2 forNodes []ForNode
ForZone 1 name s
ForNode 1 name s
discovery.EndpointPort 1 name p 2 protocol p 3 port n 4 appProtocol p
Ingress 1 metadata ObjectMeta 2 spec IngressSpec 3 status IngressStatus
IngressSpec 4 ingressClassName p 1 defaultBackend *IngressBackend 2 tls []IngressTLS 3 rules []IngressRule
IngressBackend 4 service *IngressServiceBackend 3 resource *TypedLocalObjectReference
IngressServiceBackend 1 name s 2 port ServiceBackendPort
ServiceBackendPort 1 name s 2 number i
IngressTLS 1 hosts []p 2 secretName s
IngressRule 1 host s 2 - IngressRuleValue
IngressRuleValue 1 http *HTTPIngressRuleValue
HTTPIngressRuleValue 1 paths []networking.HTTPIngressPath
networking.HTTPIngressPath 1 path s 3 pathType p 2 backend IngressBackend
IngressStatus 1 loadBalancer IngressLoadBalancerStatus
IngressLoadBalancerStatus 1 ingress []IngressLoadBalancerIngress
IngressLoadBalancerIngress 1 ip s 2 hostname s 4 ports []IngressPortStatus
IngressPortStatus 1 port i 2 protocol s 3 error p
IngressClass 1 metadata ObjectMeta 2 spec IngressClassSpec
IngressClassSpec 1 controller s 2 parameters *IngressClassParametersReference
IngressClassParametersReference 1 apiGroup p 2 kind s 3 name s 4 scope p 5 namespace p
NetworkPolicy 1 metadata ObjectMeta 2 spec NetworkPolicySpec
NetworkPolicySpec 1 podSelector LabelSelector 2 ingress []NetworkPolicyIngressRule 3 egress []NetworkPolicyEgressRule
  4 policyTypes []p
NetworkPolicyIngressRule 1 ports []NetworkPolicyPort 2 from []NetworkPolicyPeer
NetworkPolicyPort 1 protocol p 2 port *x 3 endPort n
NetworkPolicyPeer 1 podSelector *LabelSelector 2 namespaceSelector *LabelSelector 3 ipBlock *IPBlock
IPBlock 1 cidr s 2 except []p
NetworkPolicyEgressRule 1 ports []NetworkPolicyPort 2 to []NetworkPolicyPeer
PodDisruptionBudget 1 metadata ObjectMeta 2 spec PodDisruptionBudgetSpec 3 status PodDisruptionBudgetStatus
PodDisruptionBudgetSpec 1 minAvailable *x 2 selector *LabelSelector 3 maxUnavailable *x
  4 unhealthyPodEvictionPolicy p
PodDisruptionBudgetStatus 1 observedGeneration i 2 disruptedPods {}t 3 disruptionsAllowed i 4 currentHealthy i
  5 desiredHealthy i 6 expectedPods i 7 conditions []Condition
PriorityClass 1 metadata ObjectMeta 2 value i 3 globalDefault o 4 description s 5 preemptionPolicy p
StorageClass 1 metadata ObjectMeta 2 provisioner s 3 parameters {}p 4 reclaimPolicy p 5 mountOptions []p
  6 allowVolumeExpansion b 7 volumeBindingMode p 8 allowedTopologies []TopologySelectorTerm
TopologySelectorTerm 1 matchLabelExpressions []TopologySelectorLabelRequirement
TopologySelectorLabelRequirement 1 key s 2 values []p
VolumeAttachment 1 metadata ObjectMeta 2 spec VolumeAttachmentSpec 3 status VolumeAttachmentStatus
VolumeAttachmentSpec 1 attacher s 2 source VolumeAttachmentSource 3 nodeName s
VolumeAttachmentSource 1 persistentVolumeName p 2 inlineVolumeSpec *PersistentVolumeSpec
VolumeAttachmentStatus 1 attached o 2 attachmentMetadata {}p 3 attachError *VolumeError 4 detachError *VolumeError
VolumeError 1 time t 2 message s 3 errorCode n
CSIDriver 1 metadata ObjectMeta 2 spec CSIDriverSpec
CSIDriverSpec 1 attachRequired b 2 podInfoOnMount b 3 volumeLifecycleModes []p 4 storageCapacity b 5 fsGroupPolicy p
  6 tokenRequests []TokenRequest 7 requiresRepublish b 8 seLinuxMount b 9 nodeAllocatableUpdatePeriodSeconds n
  10 serviceAccountTokenInSecrets b 11 preventPodSchedulingIfMissing b
CSINode 1 metadata ObjectMeta 2 spec CSINodeSpec
CSINodeSpec 1 drivers []CSINodeDriver
CSINodeDriver 1 name s 2 nodeID s 3 topologyKeys []p 4 allocatable *storage.VolumeNodeResources
storage.VolumeNodeResources 1 count n
events.Event 1 metadata ObjectMeta 2 eventTime u 3 series *events.EventSeries 4 reportingController s
  5 reportingInstance s 6 action s 7 reason s 8 regarding ObjectReference 9 related *ObjectReference 10 note s
  11 type s 12 deprecatedSource EventSource 13 deprecatedFirstTimestamp t 14 deprecatedLastTimestamp t
  15 deprecatedCount i
events.EventSeries 1 count i 2 lastObservedTime u
ValidatingWebhookConfiguration 1 metadata ObjectMeta 2 webhooks []ValidatingWebhook
ValidatingWebhook 1 name s 2 clientConfig WebhookClientConfig 3 rules []RuleWithOperations 4 failurePolicy p
  9 matchPolicy p 5 namespaceSelector *LabelSelector 10 objectSelector *LabelSelector 6 sideEffects p
  7 timeoutSeconds n 8 admissionReviewVersions []p 11 matchConditions []MatchCondition
WebhookClientConfig 3 url p 1 service *ServiceReference 2 caBundle y
ServiceReference 1 namespace s 2 name s 3 path p 4 port n
RuleWithOperations 1 operations []p 2 - Rule
Rule 1 apiGroups []p 2 apiVersions []p 3 resources []p 4 scope p
MatchCondition 1 name s 2 expression s
MutatingWebhookConfiguration 1 metadata ObjectMeta 2 webhooks []MutatingWebhook
MutatingWebhook 1 name s 2 clientConfig WebhookClientConfig 3 rules []RuleWithOperations 4 failurePolicy p
  9 matchPolicy p 5 namespaceSelector *LabelSelector 11 objectSelector *LabelSelector 6 sideEffects p
  7 timeoutSeconds n 8 admissionReviewVersions []p 10 reinvocationPolicy p 12 matchConditions []MatchCondition
ValidatingAdmissionPolicy 1 metadata ObjectMeta 2 spec ValidatingAdmissionPolicySpec
  3 status ValidatingAdmissionPolicyStatus
ValidatingAdmissionPolicySpec 1 paramKind *ParamKind 2 matchConstraints *MatchResources 3 validations []Validation
  4 failurePolicy p 5 auditAnnotations []AuditAnnotation 6 matchConditions []MatchCondition 7 variables []Variable
ParamKind 1 apiVersion s 2 kind s
MatchResources 1 namespaceSelector *LabelSelector 2 objectSelector *LabelSelector
  3 resourceRules []NamedRuleWithOperations 4 excludeResourceRules []NamedRuleWithOperations 7 matchPolicy p
NamedRuleWithOperations 1 resourceNames []p 2 - RuleWithOperations
Validation 1 expression s 2 message s 3 reason p 4 messageExpression s
AuditAnnotation 1 key s 2 valueExpression s
Variable 1 name s 2 expression s
ValidatingAdmissionPolicyStatus 1 observedGeneration i 2 typeChecking *TypeChecking 3 conditions []Condition
TypeChecking 1 expressionWarnings []ExpressionWarning
ExpressionWarning 2 fieldRef s 3 warning s
ValidatingAdmissionPolicyBinding 1 metadata ObjectMeta 2 spec ValidatingAdmissionPolicyBindingSpec
ValidatingAdmissionPolicyBindingSpec 1 policyName s 2 paramRef *ParamRef 3 matchResources *MatchResources
  4 validationActions []p
ParamRef 1 name s 2 namespace s 3 selector *LabelSelector 4 parameterNotFoundAction p
)";

}  // namespace server
