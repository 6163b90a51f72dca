// Names in graphs: each is given once, and nodes stand after those whose results they read.
#ifndef FOVEA_ONNX_ORDER_H
#define FOVEA_ONNX_ORDER_H

#include "onnx/Graph.h"

#include <set>

namespace fovea::onnx {

/// `node 'x' (Add)`, or by its first output where it has no name.
std::string nodeText(const Node &node);

/// Puts nodes into an order in which everything is given before it is read; where they already are, it stays. `known`
/// are the names that exist before. Throws fovea::Error, with `where` in front, for a name that nothing gives, one
/// that is given twice, and a cycle.
void orderNodes(std::vector<Node> &nodes, std::set<std::string> known, const std::string &where);

} // namespace fovea::onnx

#endif
