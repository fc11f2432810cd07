//===- MemoryPicture.cpp - the arena over one micro-step, as SVG ----------===//

#include "peft/Report/MemoryTable.h"

#include "peft/Analysis/Lifetimes.h"

#include "llvm/Support/Format.h"

using namespace mlir;
using namespace peft;

namespace {

constexpr double kLeft = 90, kTop = 50, kWidth = 1100, kHeight = 560;

struct Colour {
  const char *category, *fill;
};
constexpr Colour kColours[] = {{"trainable parameters", "#59a14f"}, {"gradients", "#8cd17d"},
                               {"optimizer state", "#b6992d"},      {"weights", "#79706e"},
                               {"saved activations", "#4e79a7"},    {"temporaries", "#f28e2b"}};

std::string escape(StringRef text) {
  std::string result;
  for (char c : text)
    result += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return result;
}

} // namespace

void peft::printMemoryPicture(ModuleOp module, llvm::raw_ostream &os) {
  auto layout = module->getAttrOfType<DictionaryAttr>("exec.layout");
  auto step = module.lookupSymbol<func::FuncOp>("micro_step");
  if (!layout || !step)
    return;
  auto field = [&](StringRef key) { return double(layout.getAs<IntegerAttr>(key).getInt()); };
  double arena = std::max(1.0, field("arena"));
  Lifetimes lifetimes(step);
  double length = double(std::max<int64_t>(1, lifetimes.length));
  auto x = [&](double time) { return kLeft + kWidth * time / length; };
  auto y = [&](double bytes) { return kTop + kHeight * (1 - bytes / arena); };
  auto box = [&](double from, double to, double low, double high, StringRef fill, StringRef title) {
    os << llvm::format("<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" ", x(from), y(high),
                       std::max(0.4, x(to) - x(from)), std::max(0.2, y(low) - y(high)))
       << "fill=\"" << fill << "\"><title>" << escape(title) << "</title></rect>\n";
  };

  os << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1240\" height=\"690\" font-family=\"sans-serif\" "
        "font-size=\"12\">\n"
     << "<rect width=\"1240\" height=\"690\" fill=\"white\"/>\n<text x=\"90\" y=\"22\" font-size=\"15\">"
     << "The arena over one micro-step</text>\n";
  double trainable = field("trainable_bytes"), optimizer = field("optimizer"), weights = field("weights");
  box(0, length, 0, trainable, kColours[0].fill, "trainable parameters");
  box(0, length, field("gradient"), field("gradient") + trainable, kColours[1].fill, "gradients");
  box(0, length, optimizer, weights, kColours[2].fill, "optimizer state");
  box(0, length, weights, field("transient"), kColours[3].fill, "converted weights");
  for (Lifetime &life : lifetimes.buffers) {
    double low = double(*life.buffer.getOffset());
    std::string title = life.buffer.getName().str() + ": " + std::to_string(life.interval.bytes) + " bytes";
    box(double(life.interval.begin), double(life.interval.end + 1), low, low + double(life.interval.bytes),
        kColours[life.saved ? 4 : 5].fill, title);
  }
  // Axes: bytes up, calls across, and where the backward pass begins.
  for (int i = 0; i <= 5; ++i) {
    double bytes = arena * i / 5;
    os << llvm::format("<text x=\"84\" y=\"%.1f\" text-anchor=\"end\">%.1f MiB</text>\n", y(bytes) + 4,
                       bytes / (1 << 20))
       << llvm::format("<line x1=\"86\" x2=\"1190\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#000\" "
                       "stroke-opacity=\"0.13\"/>\n",
                       y(bytes), y(bytes));
  }
  if (lifetimes.backwardStart >= 0)
    os << llvm::format(
              "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"50\" y2=\"610\" stroke=\"#c00\" stroke-dasharray=\"4\"/>\n",
              x(lifetimes.backwardStart), x(lifetimes.backwardStart))
       << llvm::format(
              "<text x=\"%.1f\" y=\"44\" text-anchor=\"middle\" fill=\"#c00\">head, then backward</text>\n",
              x(lifetimes.backwardStart));
  os << llvm::format("<text x=\"640\" y=\"632\" text-anchor=\"middle\">%lld runtime calls, in order</text>\n",
                     (long long)lifetimes.length);
  double at = kLeft;
  for (const Colour &colour : kColours) {
    os << llvm::format("<rect x=\"%.0f\" y=\"652\" width=\"14\" height=\"14\" fill=\"", at) << colour.fill
       << "\"/>";
    os << llvm::format("<text x=\"%.0f\" y=\"664\">", at + 20) << colour.category << "</text>\n";
    at += 175;
  }
  os << "</svg>\n";
}
