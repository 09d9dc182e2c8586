// What the Kubernetes API means, without HTTP: create, update, patch, delete with all that a write implies (defaults,
// validation, generation, finalizers, owner references, no-op detection). The HTTP server and the reconcilers both
// write through here, so there is one truth. Runs on the control thread and never suspends; "durable" is a callback.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/kind.h"
#include "store/store.h"

namespace registry {

using base::Error;
using base::Json;
using base::Result;
using meta::Kind;
using store::Ref;

// Who may change or refuse a write before it is stored: webhooks and policies. The documents are in the storage
// version. An admission may park its fiber; the registry then goes by revisions, so a write that was admitted on the
// ground of a version that is no longer there is a conflict or is admitted anew.
class Admission {
 public:
  virtual ~Admission() = default;
  // The object as it shall be, before validation; `doc` is null on delete, `stored` on create. Gives the object to go
  // on with, which is then brought into its form and defaulted again.
  virtual Result<Json> mutate(const Kind& kind, Json doc, const Json* stored) = 0;
  // The object that is about to be stored; null on delete.
  virtual Result<void> validate(const Kind& kind, const Json* doc, const Json* stored) = 0;
};

// All documents here are in the kind's storage version.
struct CreateOptions {
  bool dry_run = false;
  std::string field_manager;  // for managedFields; "" leaves them alone
  std::string api_version;    // that the writer speaks, for managedFields; "": the storage version's
  Admission* admission = nullptr;
};

// status: only .status is taken; scale: as the main resource; finalize: only .spec.finalizers (namespaces).
enum class Subresource : unsigned char { none, status, scale, finalize };

struct UpdateOptions {
  Subresource subresource = Subresource::none;
  bool dry_run = false;
  // The revision the caller saw. nullopt: what the document's metadata.resourceVersion says (custom kinds must say
  // one; core kinds may leave it out for an unconditional write).
  std::optional<uint64_t> expect_revision;
  bool internal = false;  // reconcilers: the no-resourceVersion rule does not apply
  std::string field_manager;
  std::string api_version;  // as in CreateOptions
  bool applied = false;     // the document's managedFields are right, also at a subresource
  Admission* admission = nullptr;
  std::vector<std::string>* warnings = nullptr;  // gets sentences for the Warning header
};

struct DeleteOptions {
  std::string propagation;  // "", Background, Foreground or Orphan
  std::string expect_uid;   // preconditions; "" for none
  std::string expect_revision;
  bool dry_run = false;
  Admission* admission = nullptr;
};

struct DeleteOutcome {
  Ref object;  // the last state: still there (finalizers) or gone
  bool gone = false;
};

// Without an admission no call suspends.
class Registry {
 public:
  Registry(sys::Sys& sys, store::Store& store, const meta::Scheme& scheme);

  const meta::Scheme& scheme() const { return scheme_; }
  store::Store& store() { return store_; }
  base::Time now() const;

  // The object is admitted as if it had been POSTed: names, generateName, namespace existence, defaults, rules, schema.
  // Errors carry the Kubernetes message text and causes: already_exists, invalid, forbidden (terminating namespace),
  // not_found (missing namespace), bad_request.
  Result<Ref> create(const Kind& kind, Json doc, const CreateOptions& options = {});
  // Whole-object replacement of the main resource or of status. Unchanged content writes nothing and returns the stored
  // version. Removing the last finalizer of a deleting object removes it (the returned Ref is its last state).
  Result<Ref> update(const Kind& kind, Json doc, const UpdateOptions& options = {});
  // Reads the current version, applies `change` to a copy and updates; repeats on conflict (at most 5 times) unless the
  // change itself set metadata.resourceVersion. not_found when it does not exist.
  Result<Ref> modify(const Kind& kind, std::string_view ns, std::string_view name, UpdateOptions options,
                     const std::function<Result<Json>(const Json& current)>& change);
  Result<DeleteOutcome> remove(const Kind& kind, std::string_view ns, std::string_view name,
                               const DeleteOptions& options = {});

  Ref get(const Kind& kind, std::string_view ns, std::string_view name) const;

 private:
  Result<void> check_served(const Kind& kind) const;
  Result<Json> admitted(const Kind& kind, Json doc, const CreateOptions& options);
  Result<Ref> replace(const Kind& kind, Json doc, const Ref& current, const UpdateOptions& options);
  Result<DeleteOutcome> start_removal(const Kind& kind, const Ref& current, const DeleteOptions& options);

  sys::Sys& sys_;
  store::Store& store_;
  const meta::Scheme& scheme_;
};

// Standard error texts: `machines.cluster.x-k8s.io "x" not found` and so on.
Error not_found(const Kind& kind, std::string_view name);
Error already_exists(const Kind& kind, std::string_view name);
Error conflict(const Kind& kind, std::string_view name);  // "the object has been modified; ..."
Error conflict(const Kind& kind, std::string_view name, std::string_view why);
Error forbidden(const Kind& kind, std::string_view name, std::string_view why);
Error bad_request(std::string message);
Error invalid(const Kind& kind, std::string_view name, std::vector<base::FieldError> causes);
Error wrong_kind(const Kind& kind, const Json& doc);  // the document says that it is of another

// Label selectors ("a=b,c!=d,e in (x,y),!f") and metav1.LabelSelector objects (matchLabels, matchExpressions).
class LabelSelector {
 public:
  static Result<LabelSelector> parse(std::string_view text);
  static Result<LabelSelector> from_object(const Json& selector);  // an empty object (or null) selects everything
  bool matches(const Json& labels) const;                          // a JSON object of strings, or null
  bool empty() const { return requirements_.empty(); }
  std::string text() const;
  // Which requirements `labels` fails, each as text such as `role=worker (has role=spare)`; for "near miss" reports.
  std::vector<std::string> misses(const Json& labels) const;

 private:
  struct Requirement {
    std::string key, op;  // in, notin, exists, !exists, =, !=, gt, lt
    std::vector<std::string> values;
  };
  std::vector<Requirement> requirements_;
};

}  // namespace registry
