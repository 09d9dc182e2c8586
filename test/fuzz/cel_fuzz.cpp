// Whatever compiles can be evaluated within its budget, and what comes out is JSON or a clear error.
#include <cstddef>
#include <cstdint>

#include "cel/cel.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const base::Json doc = *base::parse_json(R"({"a":1,"s":"text","l":[1,2.5,"x",null],"m":{"k":{"y":true}}})");
  static const cel::Environment environment = [] {
    cel::Environment out;
    out.declare("self", cel::dyn_type()).declare("n", cel::int_type());
    out.declare("list", cel::list_type(cel::string_type()));
    return out;
  }();
  static const base::Json list = base::Json::array({"x", "y"});
  const auto program = environment.compile({reinterpret_cast<const char*>(data), size});
  if (!program) return 0;
  cel::Bindings bindings;
  bindings.set("self", cel::Value::of(doc)).set("n", cel::Value::integer(3)).set("list", cel::Value::of(list));
  uint64_t cost = 0;
  const auto value = program->evaluate(bindings, 20'000, &cost);
  if (value) (void)value->json();
  return 0;
}
