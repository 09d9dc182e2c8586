// Messages of CustomResourceDefinition; the types are those of protobuf_messages.h.
#include <string_view>

namespace server {

extern const std::string_view definition_messages;
const std::string_view definition_messages = R"(
CustomResourceDefinition 1 metadata ObjectMeta 2 spec CustomResourceDefinitionSpec
  3 status CustomResourceDefinitionStatus
CustomResourceDefinitionSpec 1 group s 3 names CustomResourceDefinitionNames 4 scope s
  7 versions []CustomResourceDefinitionVersion 9 conversion *CustomResourceConversion 10 preserveUnknownFields o
CustomResourceDefinitionNames 1 plural s 2 singular s 3 shortNames []p 4 kind s 5 listKind s 6 categories []p
CustomResourceDefinitionVersion 1 name s 2 served b 3 storage b 4 schema *CustomResourceValidation
  5 subresources *CustomResourceSubresources 6 additionalPrinterColumns []CustomResourceColumnDefinition
  7 deprecated o 8 deprecationWarning p 9 selectableFields []SelectableField
CustomResourceValidation 1 openAPIV3Schema *JSONSchemaProps
CustomResourceSubresources 1 status *CustomResourceSubresourceStatus 2 scale *CustomResourceSubresourceScale
CustomResourceSubresourceStatus
CustomResourceSubresourceScale 1 specReplicasPath s 2 statusReplicasPath s 3 labelSelectorPath p
CustomResourceColumnDefinition 1 name s 2 type s 3 format s 4 description s 5 priority i 6 jsonPath s
SelectableField 1 jsonPath s
CustomResourceConversion 1 strategy s 2 webhook *WebhookConversion
WebhookConversion 2 clientConfig *WebhookClientConfig 3 conversionReviewVersions []p
CustomResourceDefinitionStatus 1 conditions []CustomResourceDefinitionCondition
  2 acceptedNames CustomResourceDefinitionNames 3 storedVersions []p 4 observedGeneration i
CustomResourceDefinitionCondition 1 type s 2 status s 3 lastTransitionTime t 4 reason s 5 message s
  6 observedGeneration i
JSONSchemaProps 1 id s 2 $schema s 3 $ref p 4 description s 5 type s 6 format s 7 title s 8 default *j 9 maximum *d
  10 exclusiveMaximum o 11 minimum *d 12 exclusiveMinimum o 13 maxLength n 14 minLength n 15 pattern s 16 maxItems n
  17 minItems n 18 uniqueItems o 19 multipleOf *d 20 enum []j 21 maxProperties n 22 minProperties n 23 required []p
  24 items *k 25 allOf []JSONSchemaProps 26 oneOf []JSONSchemaProps 27 anyOf []JSONSchemaProps 28 not *JSONSchemaProps
  29 properties {}JSONSchemaProps 30 additionalProperties *h 31 patternProperties {}JSONSchemaProps
  32 dependencies {}JSONSchemaPropsOrStringArray 33 additionalItems *h 34 definitions {}JSONSchemaProps
  35 externalDocs *ExternalDocumentation 36 example *j 37 nullable o 38 x-kubernetes-preserve-unknown-fields b
  39 x-kubernetes-embedded-resource o 40 x-kubernetes-int-or-string o 41 x-kubernetes-list-map-keys []p
  42 x-kubernetes-list-type p 43 x-kubernetes-map-type p 44 x-kubernetes-validations []ValidationRule
JSONSchemaPropsOrStringArray 1 schema *JSONSchemaProps 2 property []p
ExternalDocumentation 1 description s 2 url s
ValidationRule 1 rule s 2 message s 3 messageExpression s 4 reason p 5 fieldPath s 6 optionalOldSelf b
)";

}  // namespace server
