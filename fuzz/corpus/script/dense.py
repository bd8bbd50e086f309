class Net(Module):
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    w = self.w
    y = torch.view(x, [torch.size(x, 0), -1])
    return torch.linear(y, w)
