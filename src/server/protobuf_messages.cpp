#include "server/protobuf_messages.h"

#include "base/text.h"
#include "meta/kind.h"

namespace server {

extern const std::string_view workload_messages;
extern const std::string_view definition_messages;

namespace {

// One line per message: NAME NUMBER FIELD TYPE ..., continued on indented lines.
constexpr std::string_view basic_messages = R"(
TypeMeta 1 apiVersion s 2 kind s
ObjectMeta 1 name s 2 generateName s 3 namespace s 4 selfLink s 5 uid s 6 resourceVersion s 7 generation i
  8 creationTimestamp t 9 deletionTimestamp t 10 deletionGracePeriodSeconds n 11 labels {}p 12 annotations {}p
  13 ownerReferences []OwnerReference 14 finalizers []p 17 managedFields []ManagedFieldsEntry
OwnerReference 1 kind s 3 name s 4 uid s 5 apiVersion s 6 controller b 7 blockOwnerDeletion b
ManagedFieldsEntry 1 manager s 2 operation s 3 apiVersion s 4 time t 6 fieldsType s 7 fieldsV1 j
  8 subresource s
LabelSelector 1 matchLabels {}p 2 matchExpressions []LabelSelectorRequirement
LabelSelectorRequirement 1 key s 2 operator s 3 values []p
DeleteOptions 1 gracePeriodSeconds n 2 preconditions *Preconditions 3 orphanDependents b 4 propagationPolicy s
  5 dryRun []p
Preconditions 1 uid s 2 resourceVersion s
ObjectReference 1 kind s 2 namespace s 3 name s 4 uid s 5 apiVersion s 6 resourceVersion s 7 fieldPath s
LocalObjectReference 1 name s
Namespace 1 metadata ObjectMeta 2 spec NamespaceSpec 3 status NamespaceStatus
NamespaceSpec 1 finalizers []p
NamespaceStatus 1 phase s 2 conditions []NamespaceCondition
NamespaceCondition 1 type s 2 status s 4 lastTransitionTime t 5 reason s 6 message s
Secret 1 metadata ObjectMeta 2 data {}y 3 type s 4 stringData {}p 5 immutable b
ConfigMap 1 metadata ObjectMeta 2 data {}p 3 binaryData {}y 4 immutable b
ServiceAccount 1 metadata ObjectMeta 2 secrets []ObjectReference 3 imagePullSecrets []LocalObjectReference
  4 automountServiceAccountToken b
Event 1 metadata ObjectMeta 2 involvedObject ObjectReference 3 reason s 4 message s 5 source EventSource
  6 firstTimestamp t 7 lastTimestamp t 8 count i 9 type s 10 eventTime u 11 series *EventSeries 12 action s
  13 related *ObjectReference 14 reportingComponent s 15 reportingInstance s
EventSource 1 component s 2 host s
EventSeries 1 count i 2 lastObservedTime u
Lease 1 metadata ObjectMeta 2 spec LeaseSpec
LeaseSpec 1 holderIdentity p 2 leaseDurationSeconds n 3 acquireTime u 4 renewTime u 5 leaseTransitions n
  6 strategy p 7 preferredHolder p
Role 1 metadata ObjectMeta 2 rules []PolicyRule
ClusterRole 1 metadata ObjectMeta 2 rules []PolicyRule 3 aggregationRule *AggregationRule
AggregationRule 1 clusterRoleSelectors []LabelSelector
PolicyRule 1 verbs []p 2 apiGroups []p 3 resources []p 4 resourceNames []p 5 nonResourceURLs []p
RoleBinding 1 metadata ObjectMeta 2 subjects []Subject 3 roleRef RoleRef
ClusterRoleBinding 1 metadata ObjectMeta 2 subjects []Subject 3 roleRef RoleRef
Subject 1 kind s 2 apiGroup s 3 name s 4 namespace s
FlowSchema 1 metadata ObjectMeta 2 spec FlowSchemaSpec 3 status FlowSchemaStatus
FlowSchemaSpec 1 priorityLevelConfiguration NameReference 2 matchingPrecedence i 3 distinguisherMethod *FlowMethod
  4 rules []FlowRule
FlowMethod 1 type s
FlowRule 1 subjects []FlowSubject 2 resourceRules []FlowResourceRule 3 nonResourceRules []FlowPathRule
FlowSubject 1 kind s 2 user *NameReference 3 group *NameReference 4 serviceAccount *FlowAccount
FlowAccount 1 namespace s 2 name s
FlowResourceRule 1 verbs []p 2 apiGroups []p 3 resources []p 4 clusterScope o 5 namespaces []p
FlowPathRule 1 verbs []p 6 nonResourceURLs []p
FlowSchemaStatus 1 conditions []FlowCondition
FlowCondition 1 type s 2 status s 3 lastTransitionTime t 4 reason s 5 message s
NameReference 1 name s
PriorityLevelConfiguration 1 metadata ObjectMeta 2 spec PriorityLevelSpec 3 status FlowSchemaStatus
PriorityLevelSpec 1 type s 2 limited *LimitedPriorityLevel 3 exempt *ExemptPriorityLevel
LimitedPriorityLevel 1 nominalConcurrencyShares n 2 limitResponse LimitResponse 3 lendablePercent n
  4 borrowingLimitPercent n
ExemptPriorityLevel 1 nominalConcurrencyShares n 2 lendablePercent n
LimitResponse 1 type s 2 queuing *FlowQueuing
FlowQueuing 1 queues i 2 handSize i 3 queueLengthLimit i
RoleRef 1 apiGroup s 2 kind s 3 name s
Eviction 1 metadata ObjectMeta 2 deleteOptions *DeleteOptions
SelfSubjectAccessReview 1 metadata ObjectMeta 2 spec SelfSubjectAccessReviewSpec 3 status SubjectAccessReviewStatus
SelfSubjectAccessReviewSpec 1 resourceAttributes *ResourceAttributes
  2 nonResourceAttributes *NonResourceAttributes
SubjectAccessReviewStatus 1 allowed o 2 reason s 3 evaluationError s 4 denied o
ResourceAttributes 1 namespace s 2 verb s 3 group s 4 version s 5 resource s 6 subresource s 7 name s
  8 fieldSelector *AttributesSelector 9 labelSelector *AttributesSelector
AttributesSelector 1 rawSelector s 2 requirements []LabelSelectorRequirement
NonResourceAttributes 1 path s 2 verb s
SelfSubjectReview 1 metadata ObjectMeta 2 status SelfSubjectReviewStatus
SelfSubjectReviewStatus 1 userInfo UserInfo
UserInfo 1 username s 2 uid s 3 groups []p 4 extra {}e
SelfSubjectRulesReview 1 metadata ObjectMeta 2 spec SelfSubjectRulesReviewSpec 3 status SubjectRulesReviewStatus
SubjectRulesReviewStatus 1 resourceRules []ResourceRule 2 nonResourceRules []NonResourceRule 3 incomplete o
  4 evaluationError s
ResourceRule 1 verbs []p 2 apiGroups []p 3 resources []p 4 resourceNames []p
NonResourceRule 1 verbs []p 2 nonResourceURLs []p
SelfSubjectRulesReviewSpec 1 namespace s
SubjectAccessReview 1 metadata ObjectMeta 2 spec SubjectAccessReviewSpec 3 status SubjectAccessReviewStatus
LocalSubjectAccessReview 1 metadata ObjectMeta 2 spec SubjectAccessReviewSpec 3 status SubjectAccessReviewStatus
SubjectAccessReviewSpec 1 resourceAttributes *ResourceAttributes 2 nonResourceAttributes *NonResourceAttributes
  3 user s 4 groups []p 5 extra {}e 6 uid s
TokenReview 1 metadata ObjectMeta 2 spec TokenReviewSpec 3 status TokenReviewStatus
TokenReviewStatus 1 authenticated o 2 user UserInfo 3 error s 4 audiences []p
TokenReviewSpec 1 token s 2 audiences []p
TokenRequest 1 metadata ObjectMeta 2 spec TokenRequestSpec 3 status TokenRequestStatus
TokenRequestStatus 1 token s 2 expirationTimestamp t
TokenRequestSpec 1 audiences []p 3 boundObjectRef *BoundObjectReference 4 expirationSeconds n
BoundObjectReference 1 kind s 2 apiVersion s 3 name s 4 uid s
PartialObjectMetadata 1 metadata ObjectMeta
ListMeta 1 selfLink s 2 resourceVersion s 3 continue s 4 remainingItemCount n
Status 1 metadata ListMeta 2 status s 3 message s 4 reason s 5 details *StatusDetails 6 code i
StatusDetails 1 name s 2 group s 3 kind s 4 causes []StatusCause 5 retryAfterSeconds i 6 uid s
StatusCause 1 reason s 2 message s 3 field s
)";

using Messages = std::map<std::string, ProtobufMessage, std::less<>>;

ProtobufField read_field(std::string_view number, std::string_view name, std::string_view type, Messages& all) {
  ProtobufField field;
  field.number = base::parse_uint(number).value_or(0);
  field.name = name;
  if (type.starts_with("[]")) field.shape = ProtobufField::Shape::list;
  if (type.starts_with("{}")) field.shape = ProtobufField::Shape::map;
  if (field.shape != ProtobufField::Shape::one) type.remove_prefix(2);
  field.kept = type.starts_with("*");
  if (field.kept) type.remove_prefix(1);
  if (type == "h" || type == "k") field.message = &all["JSONSchemaProps"];
  if (type.size() == 1) {
    field.type = type[0];
    field.kept = field.kept || field.type == 'p' || field.type == 'n' || field.type == 'b';
  } else {
    field.message = &all[std::string(type)];
  }
  return field;
}

void read_messages(std::string_view text, Messages& all) {
  std::string name;
  for (const auto line : base::split(text, '\n')) {
    const auto words = base::split(line, ' ');
    if (!words[0].empty()) all[name = words[0]];  // some have no fields
    for (size_t i = words[0].empty() ? 2 : 1; i + 2 < words.size(); i += 3) {
      auto field = read_field(words[i], words[i + 1], words[i + 2], all);
      all[name].fields.emplace(field.number, std::move(field));
    }
  }
}

const Messages& messages() {
  static const auto all = [] {
    Messages out;
    read_messages(basic_messages, out);
    read_messages(workload_messages, out);
    read_messages(definition_messages, out);
    return out;
  }();
  return all;
}

}  // namespace

const ProtobufMessage* protobuf_message(std::string_view name) {
  const auto found = messages().find(name);
  return found == messages().end() ? nullptr : &found->second;
}

std::string_view protobuf_message_name(const ProtobufMessage* message) {
  static const auto names = [] {
    std::map<const ProtobufMessage*, std::string_view> out;
    for (const auto& [name, one] : messages()) out.emplace(&one, name);
    return out;
  }();
  const auto found = names.find(message);
  return found == names.end() ? std::string_view() : found->second;
}

const ProtobufMessage* protobuf_message_of(std::string_view api_version, std::string_view kind) {
  const auto [group, version] = meta::split_api_version(api_version);
  const std::string own = group.substr(0, group.find('.')) + "." + std::string(kind);
  const ProtobufMessage* message = protobuf_message(own);
  return message ? message : protobuf_message(kind);
}

}  // namespace server
